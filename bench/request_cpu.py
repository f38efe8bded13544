"""CPU of one request through the service: telemetry absent, off, on, and on with no Collector.

All variants run at once and take turns in one run under the same load, each pinned to one core
while the load and the provider it reaches over HTTP have the other. Beside the CPU: resident
memory and the CPU of an idle second.
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
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import process
from bench.collectors import collector
from bench.load import Question, closed_loop
from bench.serving import INSTRUMENT, Serving, free_port, serving_aside, uvicorn
from bench.targets import MODEL, write_targets
from bench.upstream import upstream

DRAIN_SECONDS = 1.5
"""Spans and logs leave within a second in dev; what they cost belongs to the requests."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run the service."""

    name: str
    instrumented: bool = True
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Measured:
    """What one variant took in each round."""

    served: Serving
    idle: float = 0.0
    started_bytes: int = 0
    microseconds: list[float] = field(default_factory=list[float])


def variants(live: str) -> tuple[Variant, ...]:
    """The four ways; `live` is the URL of a Collector that takes everything."""
    dead = f"http://127.0.0.1:{free_port()}"
    return (
        Variant("uninstrumented", instrumented=False),
        Variant("off", environment={"OTEL_SDK_DISABLED": "true"}),
        Variant("on", environment={"OTEL_EXPORTER_OTLP_ENDPOINT": live}),
        Variant("on_collector_dead", environment={"OTEL_EXPORTER_OTLP_ENDPOINT": dead}),
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
    rows = {
        name: {
            "cpu_us_per_request": round(statistics.median(one.microseconds), 1),
            "cpu_us_range": [round(min(one.microseconds), 1), round(max(one.microseconds), 1)],
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


async def measure(arguments: argparse.Namespace, home: Path) -> dict[str, object]:
    """Run every variant side by side, in a new order each round."""
    service_core, load_core = process.cores()
    process.pin(load_core)
    async with AsyncExitStack() as stack:
        base_url = await stack.enter_async_context(upstream())
        live = await stack.enter_async_context(collector())
        targets = write_targets(home / "targets.yaml", base_url)
        measured: dict[str, Measured] = {}
        for variant in variants(live.url):
            port = free_port()
            command = uvicorn(port)
            served = await stack.enter_async_context(
                serving_aside(
                    (*INSTRUMENT, *command) if variant.instrumented else command,
                    port=port,
                    home=home / variant.name,
                    environment={"GAUGEWAY_TARGETS": str(targets), **variant.environment},
                    core=service_core,
                )
            )
            measured[variant.name] = Measured(served)
        for one in measured.values():
            await one_round(one, requests=arguments.warm, concurrency=arguments.concurrency)
            one.microseconds.clear()
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
    parser.add_argument("--idle-seconds", type=float, default=6.0)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="gaugeway-bench-") as home:
        json.dump(asyncio.run(measure(arguments, Path(home))), sys.stdout)
    print()


if __name__ == "__main__":
    main()
