"""A Collector that can be reached and takes nothing is no Collector: readiness says so."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from bench.scrape import samples
from bench.serving import INSTRUMENT, Serving, free_port, serving, uvicorn
from otel import names
from otel.exports import ExportTrouble
from service.collector_health import takes_exports
from service.dependencies import DependencyProblem
from tests.otel.raw_receiver import thrown_away
from tests.service.changing_collector import ChangingCollector

WITHIN = 60.0


@pytest.fixture(scope="module")
def collector() -> Generator[ChangingCollector]:
    with ChangingCollector() as running:
        yield running


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, collector: ChangingCollector
) -> Generator[Serving]:
    """The service, instrumented, as it is started in dev."""
    port = free_port()
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "GAUGEWAY_CHECK_INTERVAL_SECONDS": "0.2",
    }
    with serving(
        (*INSTRUMENT, *uvicorn(port)),
        port=port,
        home=tmp_path_factory.mktemp("home"),
        environment=environment,
    ) as served:
        yield served


def found(served: Serving) -> dict[str, Any]:
    """What readiness says of the Collector, and as a whole."""
    body = json.loads(served.get("/readyz"))
    (one,) = (each for each in body["dependencies"] if each["name"] == "collector")
    return {**one, "status": body["status"]}


def until(served: Serving, **facts: Any) -> None:
    deadline = time.monotonic() + WITHIN
    while not facts.items() <= (last := found(served)).items():
        assert time.monotonic() < deadline, f"{facts} was never told, but {last}"
        time.sleep(0.05)


def up(served: Serving) -> float:
    name = names.DEPENDENCY_UP.prometheus
    (value,) = (
        value
        for told, labels, value in samples(served.get("/metrics"))
        if told == name and labels["gaugeway_dependency_name"] == "collector"
    )
    return value


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (None, b"", "export timeout"),
        ("401 Unauthorized", b"", "export refused"),
        ("404 Not Found", b"", "export refused"),
        ("500 Internal Server Error", b"", "export refused"),
        ("503 Service Unavailable", b"", "export refused"),
        ("302 Found", b"", "export refused"),
        ("200 OK", thrown_away(10**6), "export rejected"),
    ],
)
def test_one_that_takes_nothing_is_degraded_until_it_does_again(
    service: Serving, collector: ChangingCollector, status: str | None, body: bytes, problem: str
) -> None:
    collector.answer("200 OK")
    until(service, up=True)
    service.post("/v1/chat/completions", _CHAT)
    collector.answer(status, body)
    until(service, up=False, problem=problem, status="degraded")
    assert up(service) == 0
    # Also while nobody asks anything.
    collector.answer("200 OK")
    until(service, up=True, problem=None)
    assert up(service) == 1


_CHAT = {"model": "simulated", "messages": [{"role": "user", "content": "hi"}]}


def test_requests_go_on_beside_one_that_takes_nothing(
    service: Serving, collector: ChangingCollector
) -> None:
    collector.answer(None)
    until(service, up=False)
    service.post("/v1/chat/completions", _CHAT)
    assert "export timeout. What is sent to it does not arrive as it should: " in (
        service.log.read_text()
    )
    collector.answer("200 OK")


async def test_where_nobody_knows_of_exports_reaching_it_is_all() -> None:
    reached: list[bool] = []

    async def reach() -> None:
        reached.append(True)

    await takes_exports(reach, lambda: None)()
    await takes_exports(reach, lambda: ())()
    assert len(reached) == 2


async def test_of_several_troubles_the_worst_is_the_problem_and_all_are_in_the_advice() -> None:
    async def reach() -> None:
        await asyncio.sleep(0)

    troubles = (
        ExportTrouble("traces", "refused", "HTTP 404"),
        ExportTrouble("logs", "timeout", "ReadTimeout"),
    )
    with pytest.raises(DependencyProblem) as caught:
        await takes_exports(reach, lambda: troubles)()
    assert caught.value.problem == "export timeout"
    assert "traces (HTTP 404), logs (ReadTimeout)" in caught.value.advice


async def test_one_that_cannot_be_reached_is_told_as_that() -> None:
    async def reach() -> None:
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        await takes_exports(reach, lambda: ())()


def test_a_service_that_exports_nothing_says_of_the_collector_whether_it_is_reached(
    tmp_path: Path, collector: ChangingCollector
) -> None:
    collector.answer(None)
    port = free_port()
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "GAUGEWAY_CHECK_INTERVAL_SECONDS": "0.2",
    }
    with serving(uvicorn(port), port=port, home=tmp_path, environment=environment) as served:
        until(served, up=True, problem=None)
