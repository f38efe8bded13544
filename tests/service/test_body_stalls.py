"""However much work a body is made to be, the service goes on answering others."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.bodies import ATTACKS, NEEDED, Shape
from bench.body_stalls import handle, send
from bench.serving import Serving, free_port, serving, uvicorn
from bench.targets import write_targets_of_all_kinds
from bench.upstream import upstream

LONGEST_SECONDS = 0.5
"""Ten times what `bench.body_stalls` allows: the machine may be busy with other tests."""
REPORTED = (
    "wrong token ids, model unknown",
    "wrong values in logit_bias",
    "empty lists in an unknown field",
    "empty content parts",
    "a million token ids",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Serving]:
    """A service in a process of its own, with providers of every kind."""
    home: Path = tmp_path_factory.mktemp("stalls")
    port = free_port()
    with answering() as base_url:
        targets = write_targets_of_all_kinds(home / "targets.yaml", base_url)
        environment = {"GAUGEWAY_TARGETS": str(targets)}
        with serving(
            uvicorn(port), port=port, home=home / "service", environment=environment
        ) as service:
            yield service


@contextmanager
def answering() -> Generator[str]:
    """A provider on an event loop in a thread of its own."""
    begun, ended = threading.Event(), asyncio.Event()
    found: list[tuple[str, asyncio.AbstractEventLoop]] = []

    async def answer() -> None:
        async with upstream() as base_url:
            found.append((base_url, asyncio.get_running_loop()))
            begun.set()
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(answer(),))
    thread.start()
    assert begun.wait(10)
    [(base_url, loop)] = found
    try:
        yield base_url
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)


@pytest.mark.parametrize("name", REPORTED)
def test_health_is_answered_while_a_body_is_handled(served: Serving, name: str) -> None:
    shape = ATTACKS[name]
    handled = handle(served.url, served.headers, shape.path, shape.make())
    assert handled.status == shape.status
    assert handled.longest_seconds < LONGEST_SECONDS


@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in REPORTED] + [*NEEDED])
def test_every_other_shape_is_answered_as_it_should_be(served: Serving, name: str) -> None:
    shape: Shape = {**ATTACKS, **NEEDED}[name]
    status, _ = send(served.url, served.headers, shape.path, shape.make())
    assert status == shape.status


def test_the_service_is_in_good_health_after_all_of_them(served: Serving) -> None:
    assert json.loads(served.get("/healthz")) == {"status": "up"}
    assert "Traceback" not in served.log.read_text()
