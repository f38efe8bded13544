"""What a failing Collector does to the service: absent, slow and refusing beside a live one.

Four services run at once and get the same requests in turn, one after the other, at a steady rate,
so that whatever else the machine does meets all four alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bench import process
from bench.collectors import collector
from bench.load import Answers, Question, ask, client
from bench.scrape import dropped
from bench.serving import INSTRUMENT, Serving, free_port, serving_aside, uvicorn
from bench.targets import MODEL, write_targets
from bench.upstream import upstream

SLOW_SECONDS = 10.0
WARM_SHARE = 0.2
"""Memory is taken as grown only after this share of the run: caches and queues fill first."""


@dataclass(slots=True)
class Subject:
    """One service, the state of its Collector, and what was seen of it."""

    served: Serving
    answers: Answers = field(default_factory=Answers)
    resident: list[int] = field(default_factory=list[int])
    dropped: dict[str, float] = field(default_factory=dict[str, float])
    shutdown_seconds: float = 0.0


async def steady(subjects: Mapping[str, Subject], *, rate: float, seconds: float) -> None:
    """Send `rate` requests a second to each for `seconds`, not waiting for answers to send more.

    The subjects take turns, evenly spaced, in a new order each round.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    rounds = int(rate * seconds)
    question = Question(MODEL)
    sampled = {int(rounds * share / 20) for share in range(int(20 * WARM_SHARE), 20)}
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        sessions: dict[str, aiohttp.ClientSession] = {
            name: await stack.enter_async_context(client(subject.served.headers))
            for name, subject in subjects.items()
        }
        for number in range(rounds):
            order = random.sample(list(subjects), len(subjects))
            for turn, name in enumerate(order):
                await asyncio.sleep(began + (number + turn / len(order)) / rate - loop.time())
                subject = subjects[name]
                if number in sampled:
                    subject.resident.append(process.resident_bytes(subject.served.pid))
                asked = ask(sessions[name], subject.served.url, question, subject.answers)
                group.create_task(asked)
    for subject in subjects.values():
        subject.resident.append(process.resident_bytes(subject.served.pid))


def row(subject: Subject, live: Subject) -> dict[str, object]:
    """One state's line of the result; ratios are against the live Collector's service."""

    def ratio(share: float) -> float:
        beside = live.answers.percentile(share)
        return round(subject.answers.percentile(share) / beside, 3) if beside else 0.0

    def megabytes(count: int) -> float:
        return round(count / 2**20, 1)

    middle = len(subject.resident) // 2
    return {
        "requests": subject.answers.total,
        "statuses": {str(status): count for status, count in subject.answers.statuses.items()},
        "p50_ms": round(subject.answers.percentile(0.5) * 1e3, 2),
        "p99_ms": round(subject.answers.percentile(0.99) * 1e3, 2),
        "p50_ratio": ratio(0.5),
        "p99_ratio": ratio(0.99),
        "rss_mb": megabytes(subject.resident[-1]),
        "rss_growth_mb": megabytes(max(subject.resident) - subject.resident[0]),
        "rss_growth_second_half_mb": megabytes(
            max(subject.resident[middle:]) - max(subject.resident[:middle])
        ),
        "dropped": subject.dropped,
        "shutdown_seconds": round(subject.shutdown_seconds, 2),
    }


async def start(stack: AsyncExitStack, home: Path) -> dict[str, Subject]:
    """A service for each state of a Collector, warmed by nothing yet."""
    base_url = await stack.enter_async_context(upstream())
    targets = write_targets(home / "targets.yaml", base_url)
    endpoints = {
        "live": (await stack.enter_async_context(collector())).url,
        "absent": f"http://127.0.0.1:{free_port()}",
        "slow": (await stack.enter_async_context(collector(delay=SLOW_SECONDS))).url,
        "refusing": (await stack.enter_async_context(collector(status=500))).url,
    }
    subjects: dict[str, Subject] = {}
    for name, endpoint in endpoints.items():
        port = free_port()
        environment = {
            "GAUGEWAY_TARGETS": str(targets),
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        }
        served = await stack.enter_async_context(
            serving_aside(
                (*INSTRUMENT, *uvicorn(port)),
                port=port,
                home=home / name,
                environment=environment,
            )
        )
        subjects[name] = Subject(served)
    return subjects


async def run(*, seconds: float, rate: float, home: Path) -> dict[str, Subject]:
    """Run the load, then read drops and stop each service."""
    async with AsyncExitStack() as stack:
        subjects = await start(stack, home)
        await steady(subjects, rate=rate, seconds=min(3.0, seconds))
        for subject in subjects.values():
            subject.answers = Answers()
            subject.resident.clear()
        await steady(subjects, rate=rate, seconds=seconds)
        for subject in subjects.values():
            subject.dropped = dropped(await asyncio.to_thread(subject.served.get, "/metrics"))
            subject.shutdown_seconds = await asyncio.to_thread(subject.served.stop)
        return subjects


def result(subjects: Mapping[str, Subject], *, seconds: float, rate: float) -> dict[str, object]:
    """The JSON line."""
    return {
        "bench": "collector_faults",
        "seconds": seconds,
        "requests_per_second_each": rate,
        "collectors": {name: row(one, subjects["live"]) for name, one in subjects.items()},
    }


def main(argv: list[str] | None = None) -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=40.0, help="requests a second to each")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="gaugeway-bench-") as home:
        subjects = asyncio.run(run(seconds=arguments.seconds, rate=arguments.rate, home=Path(home)))
    print(json.dumps(result(subjects, seconds=arguments.seconds, rate=arguments.rate)))


if __name__ == "__main__":
    main()
