"""Runs an application in processes of its own, as its owner would, and watches it end."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until it holds, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.03)


class Application:
    """A server from enter to exit; `stop` ends it by a signal and says how long that took.

    `command` has `{port}` where the port goes. All it prints goes to `output`.
    """

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        *,
        endpoint: str = "http://127.0.0.1:9",
        bin_directory: Path = BIN,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._output = directory / "output.txt"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OTEL_", "GAUGEWAY_", "PYTEST_"))
        }
        environment = {
            **inherited,
            "PATH": f"{bin_directory}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "XDG_RUNTIME_DIR": str(directory),
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_SERVICE_NAME": "tested",
            "HOME": str(directory),
            **(variables or {}),
        }
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    str(bin_directory / command[0]),
                    *(part.format(port=self._port) for part in command[1:]),
                ],
                cwd=directory,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """All that was printed so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> "Application":
        until(self._answers, 40)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def get(self, path: str) -> tuple[int, str]:
        """Ask for a path; return status and body."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Send the signal and wait for the end; return the seconds it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(60)
        return time.monotonic() - started

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"it ended at start-up:\n{self.output}"
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False


def instrumented(*command: str) -> list[str]:
    """Return the command that starts another with telemetry, with no line of code in it."""
    return ["opentelemetry-instrument", *command]


UVICORN = ("uvicorn", "--port", "{port}")
