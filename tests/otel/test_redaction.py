"""Redaction hides what it must, keeps what it may, and does both however often it runs."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel.redaction import (
    CUT,
    MASK,
    names_a_secret,
    redact,
    redact_beginning,
    redact_up_to,
)

SECRET = "Zq8vT3mWx1Lr5Kp9"
_token = st.text(
    alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    min_size=8,
    max_size=40,
)
_around = st.text(alphabet=st.characters(codec="utf-8"), max_size=60)

CARRIERS = [
    "Authorization: Bearer {}",
    "authorization: {}",
    "Proxy-Authorization: Basic {}",
    "{{'Authorization': 'Bearer {}'}}",
    '{{"authorization":"Bearer {}"}}',
    '{{\\"Authorization\\": \\"Bearer {}\\"}}',
    "(b'authorization', b'Bearer {}')",
    "[(b'authorization', b'{}')]",
    "sent bearer {} upstream",
    "Cookie: session={}; theme=dark",
    "set-cookie: id={}",
    "{{'cookie': 'a={}'}}",
    "x-api-key: {}",
    "api-key={}",
    "X-Goog-Api-Key: {}",
    "api_key='{}'",
    "OPENAI_API_KEY={}",
    "client_secret={}",
    "password: {}",
    "{{'password': '{}'}}",
    "key gw_{}_rest",
    "gw_abc123_{}",
    "sk-{}",
    "sk-ant-api03-{}",
    "sk-proj-{}",
    "https://user:{}@example.com/v1",
    "https://{}@example.com",
    "redis://:{}@127.0.0.1:6379/0",
    "rediss://default:{}@cache:6380",
    "GET /v1?api_key={}&x=1",
    "GET /v1?x=1&token={}",
    "https://h/p?access_token={}#f",
    "/p?key={}",
    "asked with token={} again",
    "eyJhbGciOiJIUzI1NiJ9.{}.abc",
    "x=Bearer+{}",
    "GET /p?x=Bearer%20{}",
    "/p?q=my%20key%20is%20sk-{}",
    "/p?next=http%3A%2F%2Fh%2F%3Fa%3Db%26gw_ab_{}",
    "/p?url=https%3A%2F%2Fuser%3A{}%40host.example%2Fx",
    "GET /https%3A//user%3A{}%40host.example/x HTTP/1.1",
    "/p?x=Authorization%253A%2520Bearer%2520{}",
    '{{"content":"mine:\\nsk-{}"}}',
    '{{"content":"mine:\\napi_key={}"}}',
    '{{"content":"mine:\\nBearer {}"}}',
    '{{"content":"mine:\\u0020gw_ab_{}"}}',
    "password => {}",
    "if password == {}",
    'JSON in JSON in JSON: \\\\\\"api_key\\\\\\": \\\\\\"{}\\\\\\"',
    "https:\\/\\/user:{}@example.com\\/",
    "/p?x=Authorization%25253A%252520Bearer%252520{}",
    f"/p?x=password%{'25' * 9}3D{{}}",
    "PASSWORD={}",
    "my-own_secret.key-api_key={}",
]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_credential_is_hidden_wherever_it_stands(carrier: str) -> None:
    text = carrier.format(SECRET)
    assert SECRET not in redact(text)
    assert MASK in redact(text)


@given(carrier=st.sampled_from(CARRIERS), token=_token, before=_around, after=_around)
def test_a_credential_is_hidden_among_any_text(
    carrier: str, token: str, before: str, after: str
) -> None:
    marked = f"{token}Q7"
    text = f"{before} {carrier.format(marked)} {after}"
    if marked in before or marked in after:
        return
    assert marked not in redact(text)


@given(carrier=st.sampled_from(CARRIERS), token=_token, before=_around)
def test_redacting_twice_changes_nothing_more(carrier: str, token: str, before: str) -> None:
    once = redact(f"{before}{carrier.format(token)}")
    assert redact(once) == once


@given(st.text(max_size=200))
def test_any_text_is_taken_without_an_error(text: str) -> None:
    redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "POST /v1/chat/completions",
        "gpt-4o-mini-2024-07-18",
        "usage recorded",
        "gen_ai.usage.input_tokens=12",
        "max_tokens: 100",
        "the token bucket is empty",
        "author: Jane",
        "simulated-embedding",
        "https://api.openai.com/v1/chat?page=2",
        "mail to someone@example.com",
        "12:34:56 INFO service.app started on http://127.0.0.1:8080",
        "task-runner desk-lamp risk-free",
        "completed in 12.5 ms",
        "/p?q=100%25+sure&name=J%C3%BCrgen%20Example",
        "CPU at 97% and 3%20",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_what_names_the_credential_stays_readable() -> None:
    assert redact("Authorization: Bearer abcdefgh12345") == f"Authorization: Bearer {MASK}"
    assert redact("redis://:hunter22@cache:6379/0") == f"redis://{MASK}@cache:6379/0"
    assert redact("/p?api_key=abcdef&page=2") == f"/p?api_key={MASK}&page=2"


def test_json_stays_json() -> None:
    text = json.dumps({"headers": {"Authorization": f"Bearer {SECRET}", "Accept": "*/*"}})
    assert json.loads(redact(text)) == {
        "headers": {"Authorization": f"Bearer {MASK}", "Accept": "*/*"}
    }


def test_basic_credentials_are_hidden() -> None:
    encoded = base64.b64encode(b"user:hunter22").decode()
    assert encoded not in redact(f"Authorization: Basic {encoded}")


@pytest.mark.parametrize(
    "key",
    ["authorization", "http.request.header.cookie", "api_key", "x-api-key", "password", "token"],
)
def test_a_key_names_its_value_a_secret(key: str) -> None:
    assert names_a_secret(key)


@pytest.mark.parametrize(
    "key", ["gen_ai.usage.input_tokens", "gen_ai.token.type", "gaugeway.app", "http.route", "key"]
)
def test_a_key_that_names_no_secret_is_left_alone(key: str) -> None:
    assert not names_a_secret(key)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_credential_that_a_cut_parts_in_two_is_hidden(carrier: str) -> None:
    text = "Once there was a text. " + carrier.format(SECRET)
    began = text.index(SECRET)
    for end in range(began + 1, len(text) + 1):
        told = redact_beginning(text[:end])
        shown = next(n for n in range(len(SECRET), -1, -1) if SECRET[:n] in told)
        # A letter or two can be anywhere.
        assert shown <= 2, told


@pytest.mark.parametrize("end", ["", "and so on", "https://example.com/v1?page=2", "a@b", "50%"])
def test_ordinary_text_that_is_cut_is_left_alone(end: str) -> None:
    text = f"the token bucket of {end}"
    assert redact_beginning(text) == text


def test_of_a_longer_text_the_beginning_is_kept_and_says_so() -> None:
    assert redact_up_to("a" * 10, 10) == "a" * 10
    assert redact_up_to("a" * 11, 10) == "a" * 10 + CUT
    assert redact_up_to("see https://me:hunter22@host", 20) == f"see https://{MASK}{CUT}"


def test_letters_that_change_their_length_in_lower_case_move_nothing() -> None:
    assert (
        redact(f"\u0130\u0130 password={SECRET} \u0130") == f"\u0130\u0130 password={MASK} \u0130"
    )
    assert SECRET not in redact(f"pa\u017f\u017fword={SECRET} key")


@pytest.mark.parametrize("name", ["token", "key", "code", "api_key", "sig"])
def test_a_bare_query_string_is_searched_from_its_start(name: str) -> None:
    assert redact(f"{name}={SECRET}&page=2") == f"{name}={MASK}&page=2"
