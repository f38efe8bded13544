"""What a person does first: start, demo, look, stop and start again, with the real components."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import pytest

from otel import names
from stack.journey import SIGNALS
from tests.e2e.stack import Stack, running

SECOND_START_SECONDS = 15.0
# The followed request is there within this time after its answer, in dev.
VISIBLE_WITHIN_SECONDS = 30.0


@pytest.fixture(scope="module")
def own_stack() -> Generator[Stack]:
    with (
        tempfile.TemporaryDirectory(prefix="gaugeway-demo-") as directory,
        running(Path(directory), environment={}) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def demo(own_stack: Stack) -> dict[str, Any]:
    printed = own_stack.command("demo", "--json", "--seconds", "8", within=120)
    return cast("dict[str, Any]", json.loads(printed))


def test_every_signal_of_the_followed_request_is_visible_soon(demo: dict[str, Any]) -> None:
    visible = demo["visible_after_s"]
    assert set(visible) == set(demo["links"]) == set(SIGNALS)
    assert max(visible.values()) < VISIBLE_WITHIN_SECONDS, visible


def test_every_link_of_the_journey_answers(demo: dict[str, Any]) -> None:
    for signal, link in demo["links"].items():
        with urllib.request.urlopen(link, timeout=10) as answer:
            assert answer.status == 200, signal


def test_the_journey_agrees_with_itself(demo: dict[str, Any]) -> None:
    server, client = demo["spans"][0], demo["spans"][-1]
    assert (server["kind"], client["kind"]) == ("SERVER", "CLIENT")
    assert client["attributes"]["gaugeway.retry.count"] == 1
    assert client["attributes"]["gaugeway.cost"] == demo["cost"]["usd"]
    (usage,) = [line for line in demo["logs"] if line["text"] == names.USAGE_BODY]
    assert usage["fields"]["gaugeway_cost"] == demo["cost"]["usd"]
    assert usage["fields"]["trace_id"] == demo["exemplar"]["trace_id"] == demo["trace_id"]
    assert demo["metric"]["after"] - demo["metric"]["before"] == 1


def test_the_traffic_was_varied_and_has_ended(own_stack: Stack, demo: dict[str, Any]) -> None:
    statuses = {outcome["status"] for outcome in demo["traffic"]["outcomes"]}
    assert 200 in statuses
    assert 0 not in statuses
    before = _requests_served(own_stack)
    # Traffic that went on would send six requests in this time.
    time.sleep(1)
    assert _requests_served(own_stack) == before > 0


def test_a_person_reads_the_same_journey(own_stack: Stack) -> None:
    printed = own_stack.command("demo", "--seconds", "2", within=120)
    for words in ("trace id", "chat simulated", "usage recorded", "USD, as the answer says"):
        assert words in printed


def test_starting_what_runs_says_so_and_starting_again_is_quick(own_stack: Stack) -> None:
    assert "already up" in own_stack.command("up", "--detach")
    own_stack.command("down")
    began = time.monotonic()
    own_stack.command("up", "--detach")
    assert time.monotonic() - began < SECOND_START_SECONDS


def _requests_served(stack: Stack) -> float:
    """How many requests the service has measured, by its own exposition."""
    with urllib.request.urlopen(f"{stack.service_url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    name = "http_server_request_duration_seconds_count"
    counts = [line.split(" # ")[0] for line in lines if line.startswith(name)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in counts)
