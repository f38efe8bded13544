"""How long a large body keeps everybody else waiting: the longest GET /healthz while it is handled.

Each shape of `bench.bodies` is sent to one service, which runs on a core of its own; beside it
/healthz is asked again and again. Of several rounds the quietest counts.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import platform
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from bench import process
from bench.bodies import Shape, shapes
from bench.serving import Serving, free_port, serving_aside, uvicorn
from bench.targets import write_targets_of_all_kinds
from bench.upstream import upstream

EVERY_SECONDS = 0.002
ALLOWED_MS = 50.0
ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Handled:
    """How one body was answered, and how long the longest /healthz took meanwhile."""

    status: int
    seconds: float
    longest_seconds: float


class Watch:
    """Asks /healthz on one connection in a thread of its own, and remembers the longest answer."""

    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ended = threading.Event()
        self.longest = 0.0
        self.answers = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(ANSWER_SECONDS)
        self._connection.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            began = time.perf_counter()
            self._connection.request("GET", "/healthz")
            self._connection.getresponse().read()
            self.longest = max(self.longest, time.perf_counter() - began)
            self.answers += 1
            time.sleep(EVERY_SECONDS)


def send(url: str, headers: Mapping[str, str], path: str, body: bytes) -> tuple[int, float]:
    """The status of one POST, and the seconds until the whole answer had come."""
    place = urlsplit(url)
    began = time.perf_counter()
    with socket.create_connection((place.hostname or "", place.port or 80), 30) as connection:
        connection.settimeout(ANSWER_SECONDS)
        lines = [f"POST {path} HTTP/1.1", "host: bench", "connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += ["content-type: application/json", f"content-length: {len(body)}", "", ""]
        connection.sendall("\r\n".join(lines).encode() + body)
        first = connection.recv(65536)
        while connection.recv(65536):
            pass
    return int(first[9:12]), time.perf_counter() - began


def handle(url: str, headers: Mapping[str, str], path: str, body: bytes) -> Handled:
    """Send one body and watch /healthz until it is answered."""
    place = urlsplit(url)
    with Watch(place.hostname or "", place.port or 80) as watch:
        status, seconds = send(url, headers, path, body)
    return Handled(status, seconds, watch.longest)


def quiet(url: str, seconds: float) -> float:
    """The longest /healthz while nothing else is asked."""
    place = urlsplit(url)
    with Watch(place.hostname or "", place.port or 80) as watch:
        time.sleep(seconds)
    return watch.longest


def measure_all(
    served: Serving, wanted: Sequence[tuple[str, Shape]], rounds: int
) -> dict[str, tuple[int, list[Handled]]]:
    """By name: the size of the body, and each round."""
    found: dict[str, tuple[int, list[Handled]]] = {}
    for name, shape in wanted:
        body = shape.make()
        handled = [handle(served.url, served.headers, shape.path, body) for _ in range(rounds)]
        for one in handled:
            if one.status != shape.status:
                raise RuntimeError(
                    f"{name}: {one.status} instead of {shape.status}\n{served.tail()}"
                )
        found[name] = len(body), handled
    return found


def result(
    measured: Mapping[str, tuple[int, list[Handled]]], quiet_seconds: float, rounds: int
) -> dict[str, object]:
    """The JSON line, the worst shape first."""
    rows = {
        name: {
            "status": handled[0].status,
            "megabytes": round(size / 1e6, 1),
            "longest_healthz_ms": round(min(one.longest_seconds for one in handled) * 1000, 1),
            "answered_ms": round(min(one.seconds for one in handled) * 1000, 1),
        }
        for name, (size, handled) in measured.items()
    }
    worst = sorted(rows.items(), key=lambda row: -float(row[1]["longest_healthz_ms"]))
    return {
        "bench": "body_stalls",
        "rounds": rounds,
        "python": platform.python_version(),
        "quiet_longest_healthz_ms": round(quiet_seconds * 1000, 1),
        "allowed_ms": ALLOWED_MS,
        "over": [name for name, row in worst if float(row["longest_healthz_ms"]) > ALLOWED_MS],
        "shapes": dict(worst),
    }


async def measure(arguments: argparse.Namespace, home: Path) -> dict[str, object]:
    """Start the service and its providers, then send every shape."""
    service_core, load_core = process.cores()
    process.pin(load_core)
    port = free_port()
    wanted = [(name, shape) for name, shape in shapes() if arguments.only in name]
    async with AsyncExitStack() as stack:
        base_url = await stack.enter_async_context(upstream())
        targets = write_targets_of_all_kinds(home / "targets.yaml", base_url)
        served = await stack.enter_async_context(
            serving_aside(
                uvicorn(port),
                port=port,
                home=home / "service",
                environment={"GAUGEWAY_TARGETS": str(targets)},
                core=service_core,
            )
        )
        idle = await asyncio.to_thread(quiet, served.url, 1.0)
        measured = await asyncio.to_thread(measure_all, served, wanted, arguments.rounds)
        return result(measured, idle, arguments.rounds)


def main(argv: list[str] | None = None) -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="shapes whose names hold this")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="gaugeway-bench-") as home:
        json.dump(asyncio.run(measure(arguments, Path(home))), sys.stdout)
    print()


if __name__ == "__main__":
    main()
