from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ProviderError, ProviderFailed, ProviderRejected
from service.providers.failures import MAXIMUM_MESSAGE, Failure, error_of, redact


@given(st.integers(min_value=100, max_value=999), st.text(max_size=50), st.booleans() | st.none())
def test_every_status_is_an_error_the_client_can_be_told(
    status: int, message: str, should_retry: bool | None
) -> None:
    error = error_of(Failure(status, message, should_retry=should_retry), target="here")
    assert 400 <= error.status <= 599
    assert error.upstream_status == status
    assert error.message
    assert error.status != 401
    assert error.status != 403
    if should_retry is False:
        assert not error.retryable


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_by_itself_is_retried(status: int) -> None:
    assert error_of(Failure(status), target="here").retryable


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
def test_what_will_not_pass_by_itself_is_not_retried_even_if_told_to(status: int) -> None:
    assert not error_of(Failure(status, should_retry=True), target="here").retryable


@pytest.mark.parametrize("status", [401, 402, 404, 429, 500, 503])
def test_a_message_names_the_target(status: int) -> None:
    assert "'here'" in error_of(Failure(status, "x"), target="here").message


def test_a_rejection_without_words_still_says_something() -> None:
    error = error_of(Failure(422), target="here")
    assert isinstance(error, ProviderRejected)
    assert error.message == "The target 'here' rejected the request (422)."


@pytest.mark.parametrize(
    "text",
    [
        "key sk-proj-abcdefghij_k was wrong",
        "Incorrect API key provided: sk-abcd***************wxyz.",
        "Authorization: Bearer abc.def-ghi",
        "see https://user:pass@example.org/",
        "AIzaSyA1234567890abcdef",
        "secret hunter2hunter2 was sent",
    ],
)
def test_what_looks_like_a_key_is_taken_out(text: str) -> None:
    found = redact(text, "hunter2hunter2")
    assert "[redacted]" in found
    for word in ("abcdefghij", "wxyz", "abc.def", "pass@", "A1234567890", "hunter2"):
        assert word not in found


def test_ordinary_words_stay() -> None:
    text = "Rate limit reached for gpt-5-mini in organization org-1 on tokens per min: limit 200."
    assert redact(text) == text


def test_a_message_is_one_bearable_line() -> None:
    found = redact("a\nb\t" + "x" * 5000)
    assert found.startswith("a b x")
    assert len(found) == MAXIMUM_MESSAGE


@pytest.mark.parametrize("key", ["sk-proj-hunter2222222222222", "https://me:hunter22222@host/"])
def test_a_key_that_the_cut_parts_in_two_is_taken_out(key: str) -> None:
    for padding in range(MAXIMUM_MESSAGE - 60, MAXIMUM_MESSAGE):
        told = redact("x" * padding + f" {key} " + "y" * 100)
        assert len(told) <= MAXIMUM_MESSAGE
        assert "hunter" not in told
    assert "hunter" not in redact(" " * (MAXIMUM_MESSAGE * 4 - 15) + key)


@pytest.mark.parametrize("status", [200, 400, 401, 402, 404, 413, 422, 429, 500, 503])
def test_what_telemetry_is_told_is_in_our_own_words(status: int) -> None:
    error = error_of(Failure(status, "the prompt itself", code="x"), target="here")
    assert "the prompt itself" not in error.own_words
    assert "'here'" in error.own_words
    assert str(status) in error.own_words


def test_a_rejection_of_any_maker_is_told_without_its_message() -> None:
    assert ProviderRejected("the prompt itself").own_words == "The request was rejected."
    assert ProviderRejected("x", own_words="It was wrong.").own_words == "It was wrong."
    assert ProviderFailed("It was down.").own_words == "It was down."


def test_a_provider_code_is_bounded() -> None:
    error: ProviderError = error_of(Failure(500, code="x" * 500), target="here")
    assert error.upstream_code == "x" * 64
