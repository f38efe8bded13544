"""Budgets as callers meet them: headers on answers, refusals, another model, a bad file."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest
from redis import Redis

from otel import names
from tests.service.running import TARGETS, RunningService, running, settings_for, usage_records

FILE = """
budgets:
  - name: each-app
    scope: app
    window: month
    limit: {requests: 3}
    actions: [{at: 60, do: warn}, {at: 100, do: refuse}]
"""
SHORT = "simulated:\n        max_output_tokens: 5\n        prices"
REMAINING = "x-gaugeway-budget-remaining"
WARNING = "x-gaugeway-budget-warning"


@contextmanager
def limited(
    folder: Path, redis_url: str, text: str, *, targets: str = TARGETS
) -> Generator[RunningService]:
    with Redis.from_url(redis_url) as redis:  # pyright: ignore[reportUnknownMemberType] - untyped kwargs
        redis.flushall()  # pyright: ignore[reportUnknownMemberType] - untyped kwargs
    file = folder / "budgets.yaml"
    file.write_text(text)
    with running(
        settings_for(folder / "home", redis_url, budgets=file), targets=targets
    ) as service:
        yield service


def test_answers_tell_what_is_left_and_warn(tmp_path: Path, redis_url: str) -> None:
    with limited(tmp_path, redis_url, FILE) as service:
        first, second = service.chat(), service.chat()
        assert first.headers[REMAINING] == 'each-app="2 requests"'
        assert WARNING not in first.headers
        assert second.headers[REMAINING] == 'each-app="1 requests"'
        assert second.headers[WARNING] == "each-app=60"
        with service.open_stream() as stream:
            head = stream.read_until(b"\r\n\r\n").lower()
            # A stream's head goes out while its own request is still reserved.
            assert f'{REMAINING}: each-app="0 requests"'.encode() in head
            stream.read_to_end()


def test_a_used_up_budget_refuses_in_openais_shape_and_its_client_does_not_insist(
    tmp_path: Path, redis_url: str
) -> None:
    with limited(tmp_path, redis_url, FILE) as service:
        for _ in range(3):
            assert service.chat().status == 200
        refused = service.chat()
        assert refused.status == 429
        assert refused.error["type"] == "insufficient_quota"
        assert refused.error["code"] == "budget_exceeded"
        assert "'each-app' for app 'dev'" in refused.error["message"]
        assert "resets at" in refused.error["message"]
        assert int(refused.headers["retry-after"]) > 0
        assert refused.headers[REMAINING] == 'each-app="0 requests"'
        with (
            openai.OpenAI(base_url=f"{service.url}/v1", api_key=service.key) as client,
            pytest.raises(openai.RateLimitError),
        ):
            client.chat.completions.create(
                model="simulated", messages=[{"role": "user", "content": "hi"}]
            )
        (denials,) = service.telemetry.metrics()[names.BUDGET_DENIALS.name]
        assert denials.value == 2, "the client tried again"
        assert len(usage_records(service.telemetry)) == 3


def test_a_request_is_answered_by_the_cheaper_model_and_told_so(
    tmp_path: Path, redis_url: str
) -> None:
    text = FILE.replace("do: warn", "do: route, model: fallback")
    with limited(tmp_path, redis_url, text) as service:
        for _ in range(2):
            assert "x-gaugeway-budget-routed" not in service.chat().headers
        routed = service.chat()
        assert routed.status == 200
        assert routed.headers["x-gaugeway-budget-routed"] == 'each-app="fallback"'
        assert routed.headers[REMAINING] == 'each-app="0 requests"'
        assert service.chat().status == 429


@pytest.mark.parametrize(("action", "tokens"), [("refuse", 5), ("warn", None)])
@pytest.mark.parametrize("limit", ['usd: "1"', "tokens: 100000"])
def test_the_maximum_that_was_reserved_is_sent_upstream_where_the_budget_refuses(
    tmp_path: Path, redis_url: str, action: str, tokens: int | None, limit: str
) -> None:
    text = FILE.replace("requests: 3", limit).replace("do: refuse", f"do: {action}")
    models = TARGETS.replace("simulated:\n        prices", SHORT)
    with limited(tmp_path, redis_url, text, targets=models) as service:
        answer = service.chat().json
        assert service.chat(max_tokens=7).json["usage"]["completion_tokens"] == 7
    used = answer["usage"]["completion_tokens"]
    if tokens is None:
        assert used > 7
    else:
        assert (used, answer["choices"][0]["finish_reason"]) == (tokens, "length")


def test_failed_requests_give_back_what_they_reserved(tmp_path: Path, redis_url: str) -> None:
    with limited(tmp_path, redis_url, FILE) as service:
        for _ in range(4):
            assert service.chat(model="down").status == 503
        assert service.chat().headers[REMAINING] == 'each-app="2 requests"'


def test_a_file_that_cannot_be_used_stops_the_start_and_says_why(
    tmp_path: Path, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        pytest.raises(AssertionError, match="did not start"),
        limited(tmp_path, redis_url, FILE.replace("month", "year")),
    ):
        pass
    assert "budgets.0 (each-app).window: Input should be 'hour', 'day' or 'month'" in caplog.text
