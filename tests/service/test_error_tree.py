from __future__ import annotations

import json

import pytest

from service import errors
from service.errors import ProviderError, ProviderTimeout, ServiceError


def all_errors(root: type[ServiceError] = ServiceError) -> list[type[ServiceError]]:
    return [root, *(found for child in root.__subclasses__() for found in all_errors(child))]


def built(kind: type[ServiceError]) -> ServiceError:
    if issubclass(kind, ProviderTimeout):
        return kind("What happened.", timeout_kind="read")
    return kind("What happened.")


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_is_an_openai_error_body_with_a_status(kind: type[ServiceError]) -> None:
    error = built(kind)
    assert 400 <= error.status <= 599
    body = json.loads(json.dumps(error.body(trace_id="4bf92f3577b34da6a3ce929d0e0e4736")))
    assert list(body) == ["error"]
    assert set(body["error"]) == {"message", "type", "param", "code", "trace_id"}
    assert body["error"]["message"] == str(error) == "What happened."
    assert body["error"]["type"]
    assert body["error"]["code"]


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_says_in_its_docstring_when_it_happens(kind: type[ServiceError]) -> None:
    assert kind.__doc__


def test_codes_name_their_class_alone() -> None:
    codes = [kind.default_code for kind in all_errors() if kind not in (errors.InternalError,)]
    assert len(set(codes)) == len(codes)


def test_the_error_type_of_telemetry_is_one_of_few_whatever_the_code() -> None:
    assert errors.InvalidRequest("x", code="something free").error_type == "invalid_request"
    assert errors.ProviderFailed("x", code="something free").error_type == "failed"
    kinds = {kind.kind for kind in all_errors() if issubclass(kind, ProviderError)}
    assert len(kinds) == sum(1 for kind in all_errors() if issubclass(kind, ProviderError))


def test_a_trace_id_is_left_out_where_there_is_none() -> None:
    assert "trace_id" not in errors.InvalidRequest("x").body()["error"]


def test_a_server_side_refusal_of_our_key_is_no_401() -> None:
    for kind in (errors.ProviderUnauthorized, errors.ProviderQuotaExhausted):
        assert kind.status in (502, 503)
        assert not kind("x", upstream_status=401).retryable


def test_half_a_surrogate_pair_never_reaches_an_answer() -> None:
    body = errors.ModelNotFound("The model '\ud83d'", code="\ud83d").body()
    assert json.dumps(body, ensure_ascii=False).encode()
