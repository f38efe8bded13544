"""Many workers under load with faults, and SIGTERM under load: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from bench.load import Answers, Question, closed_loop
from bench.scrape import samples
from bench.serving import INSTRUMENT, Serving, free_port, gunicorn, serving, uvicorn
from otel import attributes as a
from otel import names
from tests.e2e.matrix import SCENARIOS
from tests.e2e.polling import NotYetError, until
from tests.e2e.received import Received
from tests.e2e.targets import write_targets
from tests.otel.receiver import Receiver

WORKERS = 4
QUIET_REQUESTS = 240
LOAD_REQUESTS = 100_000
STOP_AFTER = 600
STOP_WITHIN = 20.0
"""Grace for requests under way, then at most five seconds for telemetry, on a busy machine."""

TRIED = {
    scenario.model: len(scenario.inferences) or 1
    for scenario in SCENARIOS
    if scenario.name in ("plain", "streaming", "retry", "fallback", "provider_down")
}
"""How many targets a request for each model tries."""

QUESTIONS = [
    Question(scenario.model, stream=scenario.stream, headers=scenario.headers)
    for scenario in SCENARIOS
    if scenario.model in TRIED
]

COMMANDS = {
    "uvicorn": lambda port: uvicorn(port, workers=WORKERS),
    "gunicorn": lambda port: gunicorn(port, workers=WORKERS),
    "gunicorn-preload": lambda port: gunicorn(port, workers=WORKERS, preload=True),
}


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
async def test_four_workers_stopped_under_load_account_for_every_request(
    tmp_path: Path, receiver: Receiver, command: Callable[[int], tuple[str, ...]]
) -> None:
    port = free_port()
    environment = {
        "GAUGEWAY_TARGETS": str(write_targets(tmp_path / "targets.yaml", SCENARIOS)),
        "GAUGEWAY_SIMULATE_CONTROL": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
    }
    with serving(
        (*INSTRUMENT, *command(port)), port=port, home=tmp_path / "home", environment=environment
    ) as served:
        quiet = await closed_loop(
            served.url, served.headers, QUESTIONS, requests=QUIET_REQUESTS, concurrency=16
        )
        await asyncio.to_thread(_metrics_are_complete, served, quiet)
        loaded = await _stopped_under_load(served)
        status = served.child.returncode
        log = served.tail(200)
    assert status in (0, -signal.SIGTERM), f"ended with {status}:\n{log}"
    answered = {**quiet.models, **loaded.models}
    _every_request_is_accounted_for(Received(receiver), answered, log)


def _metrics_are_complete(served: Serving, answers: Answers) -> None:
    """Any worker's /metrics tells of all workers."""
    wanted = sum(TRIED[model] for model in answers.models.values())
    name = names.OPERATION_DURATION.prometheus + "_count"

    def probe() -> None:
        told = [value for found, _, value in samples(served.get("/metrics")) if found == name]
        if sum(told) != wanted:
            raise NotYetError(f"/metrics: {name} adds up to {sum(told):g}, expected {wanted}")

    until(probe, within=15.0)
    for _ in range(2 * WORKERS):
        probe()


async def _stopped_under_load(served: Serving) -> Answers:
    """Load the service, stop it in the middle, and keep what was answered."""
    answers = Answers()
    stopped = asyncio.Event()

    async def stop() -> None:
        while answers.answered < STOP_AFTER:
            await asyncio.sleep(0.01)
        took = await asyncio.to_thread(served.stop)
        stopped.set()
        assert took < STOP_WITHIN, f"It took {took:.1f} s to stop:\n{served.tail(100)}"

    stopping = asyncio.create_task(stop())
    await closed_loop(
        served.url,
        served.headers,
        QUESTIONS,
        requests=LOAD_REQUESTS,
        concurrency=16,
        until=stopped.is_set,
        answers=answers,
    )
    await stopping
    return answers


def _every_request_is_accounted_for(received: Received, answered: dict[str, str], log: str) -> None:
    """SERVER spans = requests answered; inference spans = usage records = targets tried."""
    servers = Counter(span.trace_id for span in received.spans if span.kind == "SERVER")
    doubled = [trace_id for trace_id, count in servers.items() if count > 1]
    assert not doubled, f"{len(doubled)} requests have more than one SERVER span"
    lost = answered.keys() - servers.keys()
    assert not lost, f"{len(lost)} of {len(answered)} answered have no SERVER span:\n{log}"
    extra = servers.keys() - answered.keys()
    assert not extra, f"{len(extra)} SERVER spans of requests that nobody got an answer to:\n{log}"

    tried = Counter({trace_id: TRIED[model] for trace_id, model in answered.items()})
    inferences = Counter(
        span.trace_id for span in received.spans if a.OPERATION_NAME in span.attributes
    )
    assert inferences == tried, _difference("inference spans", inferences, tried)
    usage = Counter(record.trace_id for record in received.usage_records)
    assert usage == tried, _difference("usage records", usage, tried)

    counted = received.total(names.OPERATION_DURATION.name)
    assert counted == tried.total(), f"{counted} inferences in the metrics, {tried.total()} tried"
    instances = {span.instance for span in received.spans}
    assert len(instances) == WORKERS, f"spans come from the instances {instances}"


def _difference(what: str, got: Counter[str], wanted: Counter[str]) -> str:
    missing, extra = wanted - got, got - wanted
    return json.dumps(
        {
            what: got.total(),
            "targets tried": wanted.total(),
            "missing": missing.total(),
            "in excess": extra.total(),
        }
    )
