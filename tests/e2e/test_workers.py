"""Many workers under load with faults, and SIGTERM under load: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

import pytest

from bench.load import Answers, Question, closed_loop
from bench.scrape import samples
from bench.serving import INSTRUMENT, START_SECONDS, Serving, free_port, gunicorn, serving, uvicorn
from otel import names
from tests.e2e.matrix import SCENARIOS
from tests.e2e.polling import NotYetError, until
from tests.e2e.received import measurements, received
from tests.e2e.stopping import stopped_under_load
from tests.e2e.targets import write_targets
from tests.otel.receiver import Receiver

WORKERS = 4
QUIET_REQUESTS = 200
STOP_AFTER = 300
STOP_WITHIN = 20.0
"""Grace for requests under way, then at most five seconds for telemetry, on a busy machine."""

TRIED = {
    scenario.model: len(scenario.inferences) or 1
    for scenario in SCENARIOS
    if scenario.name in ("plain", "streaming", "retry", "fallback", "provider_down")
}
"""How many targets a request for each model tries, once it is let in."""
STOPPING = 503
"""What the service answers while it stops; then it tries no target."""

QUESTIONS = [
    Question(scenario.model, stream=scenario.stream, headers=scenario.headers)
    for scenario in SCENARIOS
    if scenario.model in TRIED
]


def _uvicorn(port: int) -> tuple[str, ...]:
    return uvicorn(port, workers=WORKERS)


def _gunicorn(port: int) -> tuple[str, ...]:
    return gunicorn(port, workers=WORKERS)


def _gunicorn_preloaded(port: int) -> tuple[str, ...]:
    return gunicorn(port, workers=WORKERS, preload=True)


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.mark.parametrize("command", [_uvicorn, _gunicorn, _gunicorn_preloaded])
async def test_four_workers_stopped_under_load_account_for_every_request(
    tmp_path: Path, receiver: Receiver, command: Callable[[int], tuple[str, ...]]
) -> None:
    port = free_port()
    environment = {
        "GAUGEWAY_TARGETS": str(write_targets(tmp_path / "targets.yaml", SCENARIOS)),
        "GAUGEWAY_SIMULATE_CONTROL": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
    }
    with serving(
        (*INSTRUMENT, *command(port)), port=port, home=tmp_path / "home", environment=environment
    ) as served:
        quiet = await _until_every_worker_answers(served, receiver)
        await closed_loop(
            served.url,
            served.headers,
            QUESTIONS,
            requests=QUIET_REQUESTS,
            concurrency=16,
            answers=quiet,
        )
        await asyncio.to_thread(_metrics_are_complete, served, quiet)
        loaded = await stopped_under_load(
            served.url,
            served.headers,
            QUESTIONS,
            after=STOP_AFTER,
            stop=lambda: _stop(served),
        )
        status = served.child.returncode
        log = served.tail(200)
    assert status in (0, -signal.SIGTERM), f"ended with {status}:\n{log}"
    answered = {**quiet.traces, **loaded.traces}
    _every_request_is_accounted_for(receiver, answered, log)


async def _until_every_worker_answers(served: Serving, receiver: Receiver) -> Answers:
    """Ask on new connections until spans have come from every worker."""
    answers = Answers()
    deadline = time.monotonic() + START_SECONDS
    while len(received(receiver).instances) < WORKERS:
        assert time.monotonic() < deadline, f"Not every worker answers:\n{served.tail(100)}"
        await closed_loop(
            served.url,
            served.headers,
            QUESTIONS[:1],
            requests=8,
            concurrency=8,
            answers=answers,
        )
        await asyncio.sleep(0.25)
    return answers


def _metrics_are_complete(served: Serving, answers: Answers) -> None:
    """Any worker's /metrics tells of all workers."""
    wanted = sum(TRIED[model] for model, _ in answers.traces.values())
    name = names.OPERATION_DURATION.prometheus + "_count"

    def probe() -> None:
        told = [value for found, _, value in samples(served.get("/metrics")) if found == name]
        if sum(told) != wanted:
            raise NotYetError(f"/metrics: {name} adds up to {sum(told):g}, expected {wanted}")

    until(probe, within=15.0)
    for _ in range(2 * WORKERS):
        probe()


def _stop(served: Serving) -> None:
    took = served.stop()
    assert took < STOP_WITHIN, f"It took {took:.1f} s to stop:\n{served.tail(100)}"


def _every_request_is_accounted_for(
    receiver: Receiver, answered: Mapping[str, tuple[str, int]], log: str
) -> None:
    """SERVER spans = requests answered; inference spans = usage records = targets tried."""
    told = received(receiver)
    requests = Counter(dict.fromkeys(answered, 1))
    tried = Counter(
        {
            trace_id: TRIED[model]
            for trace_id, (model, status) in answered.items()
            if status != STOPPING
        }
    )
    assert told.servers == requests, _difference("SERVER spans", told.servers, requests, log)
    assert told.inferences == tried, _difference("inference spans", told.inferences, tried, log)
    assert told.usage_records == tried, _difference("records", told.usage_records, tried, log)
    counted = measurements(receiver, names.OPERATION_DURATION)
    assert counted == tried.total(), f"{counted} inferences in the metrics, {tried.total()} tried"
    assert len(told.instances) == WORKERS, f"spans come from the instances {told.instances}"


def _difference(what: str, got: Counter[str], wanted: Counter[str], log: str) -> str:
    missing, extra = wanted - got, got - wanted
    return (
        f"{what}: {got.total()} instead of {wanted.total()}; {missing.total()} missing, such as "
        f"{list(missing)[:3]}; {extra.total()} in excess, such as {list(extra)[:3]}\n{log}"
    )
