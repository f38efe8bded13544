"""Large bodies: what is too much work is refused before it is begun, the rest is done aside."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from bench.bodies import ATTACKS, CHAT, EMBEDDINGS, NEEDED, Shape
from service.api import body as parsing
from service.api import checking, schemas
from service.api.answers import LargeResponse
from service.api.body import parse_json_object
from service.api.checking import checked_body
from service.api.schemas import check
from service.aside import aside, aside_if
from service.errors import InvalidJson, InvalidRequest
from service.json_weight import HUGE_BYTES, Weight
from tests.service.running import RunningService, running, settings_for

MOST = 400_000
HELLO: dict[str, Any] = {"model": "simulated", "messages": [{"role": "user", "content": "hi"}]}
JSON = {"content-type": "application/json"}
TARGETS = """
targets:
  quick:
    provider: simulated
    options: {latency_ms: 0, token_ms: 0}
    models:
      simulated: {prices: {input: "0.40", output: "1.60"}}
      simulated-embedding: {operation: embeddings, prices: {input: "0.02"}}
"""


def schema_of(shape: Shape) -> TypeAdapter[Any]:
    return schemas.EMBEDDINGS if shape.path == EMBEDDINGS else schemas.CHAT


def refusal_of(shape: Shape) -> str:
    """The code of what is wrong with a body, "" where nothing is."""
    try:
        asyncio.run(checked_body(shape.make(), schema_of(shape), most_values=MOST))
    except InvalidRequest as error:
        return error.code
    return ""


@pytest.mark.parametrize("name", [*NEEDED])
def test_what_somebody_needs_is_taken(name: str) -> None:
    assert refusal_of(NEEDED[name]) == ""


@pytest.mark.parametrize(
    "name",
    [
        "wrong token ids, model unknown",
        "wrong values in logit_bias",
        "empty lists in an unknown field",
        "empty content parts",
        "a million token ids",
        "lists, 190 deep",
        "lists, 400 deep",
        "one list, never closed",
        "keys",
        "messages",
        "metadata",
    ],
)
def test_more_values_than_are_taken_are_refused_before_they_are_parsed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(*_: object, **__: object) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr(parsing, "from_json", parse)
    monkeypatch.setattr(parsing, "read_json", parse)
    assert refusal_of(ATTACKS[name]) == "too_many_values"


def test_the_refusal_says_what_there_is_too_much_of_and_who_can_change_it(
    shared: RunningService,
) -> None:
    body = ATTACKS["empty lists in an unknown field"].make()
    reply = shared.request("POST", CHAT, body, JSON)
    assert reply.status == 400
    assert reply.error["code"] == "too_many_values"
    for word in ("400,000", "GAUGEWAY_MAX_BODY_VALUES", "fewer"):
        assert word in reply.error["message"]


def test_the_most_values_are_a_setting(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "redis://127.0.0.1:1", max_body_values=1000)
    with running(settings) as service:
        assert service.chat("hi").status == 200
        # Short bodies are not weighed: there cannot be much in them.
        assert service.chat("hi", x=[[]] * 250).status == 200
        reply = service.chat("hi", x=[[]] * 1500)
        assert (reply.status, reply.error["code"]) == (400, "too_many_values")
        assert service.chat("[{,:}] " * 5000).status == 200


WRONG: list[tuple[TypeAdapter[Any], dict[str, Any], str]] = [
    (schemas.EMBEDDINGS, {"model": "m", "input": [1] * 9 + [-1] * 390_000}, "input.9"),
    (schemas.EMBEDDINGS, {"model": "m", "input": [[1]] * 9 + [[-1] * 9] * 2000}, "input.9.0"),
    (schemas.EMBEDDINGS, {"model": "m", "input": ["x"] * 9 + [7] * 2000}, "input.9"),
    (
        schemas.CHAT,
        {**HELLO, "logit_bias": {str(n): 9e9 for n in range(99_000)}},
        "logit_bias.0",
    ),
    (schemas.CHAT, {**HELLO, "messages": [{}] * 10_000}, "messages.0.role"),
    (schemas.CHAT, {**HELLO, "tools": [7] * 1000}, "tools.0"),
    (schemas.CHAT, {**HELLO, "stop": [7] * 64}, "stop.0"),
    (
        schemas.CHAT,
        {**HELLO, "messages": [{"role": "user", "content": [7] * 99_000}]},
        "messages.0.content.0",
    ),
    (
        schemas.CHAT,
        {**HELLO, "messages": [{"role": "assistant", "tool_calls": [7] * 99_000}]},
        "messages.0.tool_calls.0",
    ),
]


@pytest.mark.parametrize(("schema", "body", "param"), WRONG)
def test_validation_ends_at_the_first_element_that_is_wrong(
    schema: TypeAdapter[Any], body: dict[str, Any], param: str
) -> None:
    with pytest.raises(ValidationError) as all_problems:
        schema.validate_python(body)
    # Of a union each member says what is wrong with the element.
    assert all_problems.value.error_count() <= 2
    with pytest.raises(InvalidRequest) as caught:
        check(schema, body)
    assert caught.value.param == param


@pytest.mark.parametrize("values", [[5.0, 6], [[5.0], [6]], [5, 6.0]])
def test_token_ids_may_be_written_with_a_fraction_of_zero(values: object) -> None:
    check(schemas.EMBEDDINGS, {"model": "m", "input": values})


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (b"9" * 999, False),
        (b"9" * 2000, True),
        (b"-" + b"9" * 4000, True),
        (b"0." + b"9" * 2000, True),
        (b'"' + b"9" * 4000 + b'"', False),
        (b'"\\"' + b"9" * 4000 + b'"', False),
        (b'"x", "y": 1e400', True),
        (b'"x", "y": 1E+999', True),
        (b'"e999"', False),
        (b"1e5", False),
    ],
)
@pytest.mark.parametrize("before", [0, 2**20 - 500, 2**20 + 100])
def test_numbers_that_only_cost_time_are_refused_wherever_they_stand(
    text: bytes, refused: bool, before: int
) -> None:
    raw = b'{"a": "' + b"x" * before + b'", "x": ' + text + b"}"
    expected = pytest.raises(InvalidJson) if refused else nullcontext()
    with expected:
        parse_json_object(raw)


def test_a_huge_body_is_parsed_in_slices_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {**HELLO, "messages": [{"role": "user", "content": "é\n" * 1000}] * 50}
    raw = json.dumps(body).encode()
    monkeypatch.setattr(parsing, "from_json", None)
    assert parse_json_object(raw, Weight(HUGE_BYTES + 1, heavy=True)) == body
    with pytest.raises(InvalidJson, match="at byte"):
        parse_json_object(raw[:-1] + b"]", Weight(HUGE_BYTES + 1, heavy=True))


async def test_a_light_body_is_checked_at_once_and_a_heavy_one_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[str] = []
    parse = checking.parse_json_object

    def noted(*args: Any) -> Any:
        threads.append(threading.current_thread().name)
        return parse(*args)

    monkeypatch.setattr(checking, "parse_json_object", noted)
    ordinary = json.dumps({**HELLO, "user": "x" * 500}).encode()
    longer = json.dumps({**HELLO, "x": "word, " * 2_000}).encode()
    heavy = json.dumps({**HELLO, "x": [[]] * 9_000}).encode()
    large = json.dumps({**HELLO, "x": "x" * 2**21}).encode()
    for raw in (ordinary, longer, heavy, large):
        await checked_body(raw, schemas.CHAT, most_values=MOST)
    here = threading.current_thread().name
    assert threads[:2] == [here, here]
    assert all(name.startswith("aside") for name in threads[2:])


async def test_of_a_heavy_body_the_input_tokens_are_estimated_aside() -> None:
    heavy = {
        **HELLO,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "x" * 8}]}],
    }
    heavy["x"] = [[]] * 9_000
    found = await checked_body(json.dumps(heavy).encode(), schemas.CHAT, most_values=MOST)
    assert found.input_tokens == 2 + 4
    light = await checked_body(json.dumps(HELLO).encode(), schemas.CHAT, most_values=MOST)
    assert light.input_tokens is None


async def test_one_piece_of_work_is_done_aside_at_a_time_and_nothing_is_collected() -> None:
    running: list[int] = []
    most: list[int] = []
    collected: list[bool] = []

    def work(number: int) -> int:
        running.append(number)
        most.append(len(running))
        collected.append(gc.isenabled())
        running.remove(number)
        return number * 2

    enabled = gc.isenabled()
    assert await asyncio.gather(*(aside(work, number) for number in range(20))) == [
        number * 2 for number in range(20)
    ]
    assert max(most) == 1
    assert not any(collected)
    assert gc.isenabled() == enabled


async def test_what_fails_aside_fails_where_it_was_asked_for() -> None:
    def fail() -> None:
        raise InvalidRequest("no")

    for heavy in (True, False):
        with pytest.raises(InvalidRequest, match="no"):
            await aside_if(heavy, fail)


def test_heavy_requests_are_answered_as_light_ones_are(tmp_path: Path, redis_url: str) -> None:
    with running(settings_for(tmp_path, redis_url), targets=TARGETS) as service:
        heavy: dict[str, Any] = {"x": [[]] * 9_000}
        light_answer, answer = service.chat("hello"), service.chat("hello", **heavy)
        assert answer.status == light_answer.status == 200
        assert answer.json["usage"]["prompt_tokens"] == light_answer.json["usage"]["prompt_tokens"]
        assert answer.headers["x-gaugeway-cost-usd"] != "0"
        # The same request in another order of keys is found in the cache.
        keep = {"cache-control": "max-age=60"}
        assert service.chat("hello", keep, **heavy, a=1, b=2).headers["x-gaugeway-cache"] == "miss"
        assert service.chat("hello", keep, b=2, **heavy, a=1).headers["x-gaugeway-cache"] == "hit"
        assert service.chat("hello", keep, **heavy, a=1, b=3).headers["x-gaugeway-cache"] == "miss"
        stream = service.chat("hello", stream=True, **heavy)
        assert stream.status == 200
        assert b"[DONE]" in stream.body


def test_a_large_answer_is_sent_whole(shared: RunningService) -> None:
    body = {"model": "simulated-embedding", "input": ["x"] * 600, "dimensions": 512}
    reply = shared.post(EMBEDDINGS, body)
    assert reply.status == 200
    assert len(reply.body) > 2**20
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert reply.headers["x-gaugeway-tokens"] == "600"
    assert [len(item["embedding"]) for item in reply.json["data"]] == [512] * 600


async def test_an_answer_in_pieces_leaves_turns_to_others() -> None:
    sent: list[Any] = []
    turns = 0

    async def send(message: Any) -> None:
        sent.append((turns, message))

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    whole = bytes(range(256)) * 2**13
    await LargeResponse(whole)({"type": "http"}, nothing, send)
    task.cancel()
    pieces = [message for _, message in sent if message["type"] == "http.response.body"]
    assert b"".join(message["body"] for message in pieces) == whole
    assert [message["more_body"] for message in pieces] == [True] * (len(pieces) - 1) + [False]
    moments = [moment for moment, _ in sent[1:]]
    assert len(moments) == len(set(moments)) > 4


async def nothing() -> Any:
    raise AssertionError("nothing is to be received")


def test_a_stream_that_is_always_ready_leaves_turns_to_others(
    tmp_path: Path, redis_url: str
) -> None:
    with running(settings_for(tmp_path, redis_url), targets=TARGETS) as service:
        turns = 0
        ended = threading.Event()

        async def others() -> None:
            nonlocal turns
            while not ended.is_set():
                turns += 1
                await asyncio.sleep(0.0005)

        task = asyncio.run_coroutine_threadsafe(others(), service.loop)
        reply = service.chat("hello", stream=True, n=128)
        ended.set()
        task.result(10)
        chunks = reply.body.count(b"data: ")
        assert chunks > 2000
        assert turns >= chunks // 128
