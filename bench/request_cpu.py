"""CPU of one request through the service: telemetry absent, off, on, and on with no Collector.

Beside them a bare proxy, of which each is a multiple; and on demand another checkout
(`--against`), or other servers (`--servers`). All variants run at once and take turns in one run
under the same load, each pinned to one core while the load and the provider it reaches over HTTP
have the other. Beside the CPU: resident memory and the CPU of an idle second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import random
import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import process
from bench.collectors import collector
from bench.load import Question, closed_loop
from bench.serving import Serving, free_port, serving_aside
from bench.targets import MODEL, write_targets
from bench.upstream import upstream
from bench.variants import BARE, Variant, bare, before, by_server, by_telemetry

DRAIN_SECONDS = 1.5
"""Spans and logs leave within a second in dev; what they cost belongs to the requests."""


@dataclass(slots=True)
class Measured:
    """What one variant took in each round."""

    served: Serving
    idle: float = 0.0
    started_bytes: int = 0
    microseconds: list[float] = field(default_factory=list[float])
    per_second: list[float] = field(default_factory=list[float])

    def clear(self) -> None:
        """Forget what was measured so far."""
        self.microseconds.clear()
        self.per_second.clear()


def chosen(upstream: str, live: str, arguments: argparse.Namespace) -> tuple[Variant, ...]:
    """What is to be measured."""
    return (
        bare(upstream),
        *by_telemetry(live),
        *(before(live, arguments.against.resolve()) if arguments.against else ()),
        *(by_server(live) if arguments.servers else ()),
    )


async def idle_cpu(pid: int, seconds: float) -> float:
    """CPU seconds the process uses in a second in which nobody asks it anything."""
    before = process.cpu_seconds(pid)
    await asyncio.sleep(seconds)
    return (process.cpu_seconds(pid) - before) / seconds


async def one_round(measured: Measured, *, requests: int, concurrency: int) -> None:
    """Ask `requests` times and note the CPU of one, export included, idle CPU taken off."""
    loop = asyncio.get_running_loop()
    began, before = loop.time(), process.cpu_seconds(measured.served.pid)
    answers = await closed_loop(
        measured.served.url,
        measured.served.headers,
        [Question(MODEL)],
        requests=requests,
        concurrency=concurrency,
    )
    measured.per_second.append(requests / (loop.time() - began))
    if answers.statuses != {200: requests}:
        raise RuntimeError(
            f"{answers.statuses} instead of {requests} answers:\n{measured.served.tail()}"
        )
    await asyncio.sleep(DRAIN_SECONDS)
    used = process.cpu_seconds(measured.served.pid) - before
    idle = measured.idle * (loop.time() - began)
    measured.microseconds.append((used - idle) / requests * 1e6)


def result(measured: Mapping[str, Measured], arguments: argparse.Namespace) -> dict[str, object]:
    """The JSON line: medians over the rounds, with the lowest and highest beside them."""
    baseline = statistics.median(measured["uninstrumented"].microseconds)
    bare_us = statistics.median(measured[BARE].microseconds)
    rows = {
        name: {
            "cpu_us_per_request": round(statistics.median(one.microseconds), 1),
            "cpu_us_range": [round(min(one.microseconds), 1), round(max(one.microseconds), 1)],
            "over_bare": round(statistics.median(one.microseconds) / bare_us, 2),
            "requests_per_second": round(statistics.median(one.per_second)),
            "telemetry_us": round(statistics.median(one.microseconds) - baseline, 1),
            "rss_mb_started": round(one.started_bytes / 2**20, 1),
            "rss_mb_loaded": round(process.resident_bytes(one.served.pid) / 2**20, 1),
            "idle_cpu_percent": round(one.idle * 100, 2),
        }
        for name, one in measured.items()
    }
    return {
        "bench": "request_cpu",
        "rounds": arguments.rounds,
        "requests_per_round": arguments.requests,
        "concurrency": arguments.concurrency,
        "python": platform.python_version(),
        "variants": rows,
    }


def started(
    variant: Variant, home: Path, targets: Path, core: int
) -> AbstractAsyncContextManager[Serving]:
    """One variant, serving on a core until the block ends."""
    port = free_port()
    if variant.name == BARE:
        home.mkdir()
        (home / "dev-api-key").write_text("none\n")
    return serving_aside(
        variant.command(port),
        port=port,
        home=home,
        environment={"GAUGEWAY_TARGETS": str(targets), **variant.environment},
        core=core,
        checkout=variant.checkout,
    )


async def measure(arguments: argparse.Namespace, home: Path) -> dict[str, object]:
    """Run every variant side by side, in a new order each round."""
    service_core, load_core = process.cores()
    process.pin(load_core)
    async with AsyncExitStack() as stack:
        base_url = await stack.enter_async_context(upstream())
        live = await stack.enter_async_context(collector())
        targets = write_targets(home / "targets.yaml", base_url)
        measured: dict[str, Measured] = {}
        for variant in chosen(base_url, live.url, arguments):
            served = await stack.enter_async_context(
                started(variant, home / variant.name, targets, service_core)
            )
            measured[variant.name] = Measured(served)
        for one in measured.values():
            await one_round(one, requests=arguments.warm, concurrency=arguments.concurrency)
            one.clear()
            one.started_bytes = process.resident_bytes(one.served.pid)
        for one in measured.values():
            one.idle = await idle_cpu(one.served.pid, arguments.idle_seconds)
        for _ in range(arguments.rounds):
            for one in random.sample(list(measured.values()), len(measured)):
                await one_round(one, requests=arguments.requests, concurrency=arguments.concurrency)
        return result(measured, arguments)


def main(argv: list[str] | None = None) -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1500, help="in each round")
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--warm", type=int, default=300, help="requests before the first round")
    parser.add_argument("--against", type=Path, help="another checkout, set up, to compare with")
    parser.add_argument("--servers", action="store_true", help="other servers as well")
    parser.add_argument("--idle-seconds", type=float, default=6.0)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="gaugeway-bench-") as home:
        json.dump(asyncio.run(measure(arguments, Path(home))), sys.stdout)
    print()


if __name__ == "__main__":
    main()
