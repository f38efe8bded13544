"""Starts the service as a user would, in a process of its own, and stops it by signal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bench import process

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
SERVICE = "service.app:create_app"


def program(name: str, checkout: Path = ROOT) -> str:
    """A program of a checkout's own environment."""
    return str(checkout / ".venv" / "bin" / name)


INSTRUMENT = (program("opentelemetry-instrument"),)
START_SECONDS = 60.0


class NotServingError(RuntimeError):
    """The service did not come up; the message carries its last log lines."""


def uvicorn(
    port: int, *, workers: int = 1, app: str = SERVICE, checkout: Path = ROOT
) -> tuple[str, ...]:
    """The command line of the service, or of another app, under uvicorn, not instrumented."""
    command = (program("uvicorn", checkout), "--factory", app)
    command += ("--host", "127.0.0.1", "--port", str(port), "--no-access-log")
    # A worker that still starts on a busy machine is not hung; uvicorn would kill it after 5 s.
    several = ("--workers", str(workers), "--timeout-worker-healthcheck", "60")
    return command if workers == 1 else (*command, *several)


def gunicorn(port: int, *, workers: int, preload: bool = False) -> tuple[str, ...]:
    """The command line of the service under gunicorn's own ASGI worker, not instrumented."""
    command = (program("gunicorn"), "--worker-class", "asgi", "--workers", str(workers))
    command += ("--bind", f"127.0.0.1:{port}", "--no-control-socket", f"{SERVICE}()")
    return (*command, "--preload") if preload else command


def free_port() -> int:
    """A TCP port on the loopback that nothing uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Serving:
    """A running service: where it answers, its key, its process and what it wrote."""

    url: str
    home: Path
    child: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """The process that was started; workers are its descendants."""
        return self.child.pid

    @property
    def api_key(self) -> str:
        """The key of role app that the service generates in dev."""
        return (self.home / "dev-api-key").read_text().strip()

    @property
    def headers(self) -> dict[str, str]:
        """Request headers that authenticate."""
        return {"authorization": f"Bearer {self.api_key}"}

    def stop(self, *, within: float = 60.0) -> float:
        """Send SIGTERM, wait for the end, and say how many seconds it took."""
        began = time.monotonic()
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(within)
        return time.monotonic() - began

    def get(self, path: str) -> bytes:
        """The body of one authenticated GET; raises on any status but 2xx."""
        request = urllib.request.Request(self.url + path, headers=self.headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return cast("bytes", answer.read())

    def post(self, path: str, body: Mapping[str, Any]) -> bytes:
        """The body of one authenticated JSON POST; raises on any status but 2xx."""
        headers = {**self.headers, "content-type": "application/json"}
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return cast("bytes", answer.read())

    def tail(self, lines: int = 30) -> str:
        """Its last log lines."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def serving(
    command: Sequence[str],
    *,
    port: int,
    home: Path,
    environment: Mapping[str, str],
    core: int | None = None,
    checkout: Path = ROOT,
) -> Generator[Serving]:
    """Run a command line of the service until the block ends; nothing of it survives the block.

    `environment` is added to this process's own, stripped of OTEL_*, GAUGEWAY_* and REDIS_URL.
    `core` pins the service and its workers; it runs in `checkout`. Raises `NotServingError`.
    """
    home.mkdir(parents=True, exist_ok=True)
    log = home / "service.log"
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "GAUGEWAY_", "REDIS_URL"))
    }
    with log.open("wb") as sink:
        child = subprocess.Popen(
            command,
            cwd=checkout,
            env={**inherited, "GAUGEWAY_HOME": str(home), **environment},
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        if core is not None:
            process.pin(core, child.pid)
        served = Serving(f"http://127.0.0.1:{port}", home, child, log)
        _wait(served)
        yield served
    finally:
        _end(child)


@asynccontextmanager
async def serving_aside(
    command: Sequence[str],
    *,
    port: int,
    home: Path,
    environment: Mapping[str, str],
    core: int | None = None,
    checkout: Path = ROOT,
) -> AsyncGenerator[Serving]:
    """`serving`, started and ended off the event loop, on which its stand-ins answer it."""
    manager = serving(
        command, port=port, home=home, environment=environment, core=core, checkout=checkout
    )
    served = await asyncio.to_thread(manager.__enter__)
    try:
        yield served
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


def _wait(served: Serving) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if served.child.poll() is not None:
            raise NotServingError(
                f"The service ended with {served.child.returncode}:\n{served.tail()}"
            )
        try:
            with urllib.request.urlopen(served.url + "/healthz", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise NotServingError(
        f"No answer from {served.url}/healthz in {START_SECONDS:g} s:\n{served.tail()}"
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the whole process group, which is the child's own."""
    if child.poll() is None:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(15)
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    child.wait(10)
