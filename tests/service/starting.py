"""Starts the service in the ways that are documented, with settings that it cannot start with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.service.test_process import free_port

CHECKOUT = Path(__file__).parents[2]
_BIN = Path(sys.executable).parent
INSTRUMENTED = str(_BIN / "opentelemetry-instrument")
FACTORY = ("--factory", "service.app:create_app")
_UVICORN = (str(_BIN / "uvicorn"), *FACTORY, "--port", "{port}")
_GUNICORN = (
    *(str(_BIN / "gunicorn"), "--worker-class", "uvicorn.workers.UvicornWorker"),
    *("--bind", "127.0.0.1:{port}", "--no-control-socket", "service.app:create_app()"),
)
WAYS: Mapping[str, tuple[str, ...]] = {
    "plain": _UVICORN,
    "instrumented": (INSTRUMENTED, *_UVICORN),
    "workers": (INSTRUMENTED, *_UVICORN, "--workers", "2"),
    "gunicorn": (INSTRUMENTED, *_GUNICORN),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a start ended: its status, and all it said."""

    status: int
    output: str

    @property
    def lines(self) -> list[str]:
        """The lines that say why, which a worker says each."""
        return [line for line in self.output.splitlines() if "cannot start" in line]


def started(home: Path, way: str = "plain", **settings: str) -> Ended:
    """Start it and wait until it has given up."""
    environment = {
        **{name: value for name, value in os.environ.items() if "GAUGEWAY" not in name},
        "GAUGEWAY_HOME": str(home),
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        **settings,
    }
    port = str(free_port())
    run = subprocess.run(
        [part.replace("{port}", port) for part in WAYS[way]],
        env=environment,
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(run.returncode, run.stdout)
