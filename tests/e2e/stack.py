"""Starts and stops a private stack through the `gaugeway` command, and says where its parts are."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bench.serving import BIN, ROOT
from stack.occupancy import is_free
from stack.ports import Ports
from tests.e2e.backends import Backends

UP_SECONDS = 1800.0
"""Long enough to build every component where the cache is empty; a warm start takes seconds."""
DOWN_SECONDS = 15.0
"""The service's five seconds for its telemetry, Tempo's five, and the rest."""
OFFSETS = range(16000, 18400, 7)
"""They keep below the ports that the kernel hands out."""
REQUIRED = ("service", "redis", "collector", "prometheus", "loki", "tempo", "alertmanager")


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack."""

    home: Path
    environment: Mapping[str, str]
    service_url: str
    api_key: str
    urls: Mapping[str, str]

    @property
    def backends(self) -> Backends:
        """Its traces, metrics and logs."""
        return Backends(self.urls["tempo"], self.urls["prometheus"], self.urls["loki"])

    def command(self, *arguments: str, within: float = 60.0) -> str:
        """Run `gaugeway` with these arguments on this stack; its standard output."""
        return _gaugeway(self.environment, *arguments, within=within)


def free_offset() -> int:
    """An offset that moves every port of a stack to one that nobody listens on at this moment."""
    for offset in OFFSETS:
        if all(is_free(port + offset) for _, port in Ports()):
            return offset
    raise AssertionError(f"Of the port offsets {OFFSETS} none leads to free ports alone")


@contextmanager
def running(home: Path, *, environment: Mapping[str, str], env: str = "dev") -> Generator[Stack]:
    """`gaugeway up` in a home and on ports of its own, `gaugeway down` whatever happens."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "GAUGEWAY_", "REDIS_URL")) or name == "GAUGEWAY_CACHE"
    }
    own = {
        **inherited,
        "GAUGEWAY_HOME": str(home),
        "GAUGEWAY_PORT_OFFSET": str(free_offset()),
        **environment,
    }
    try:
        _gaugeway(own, "up", "--detach", "--env", env, within=UP_SECONDS)
        yield _running(home, own)
    finally:
        began = time.monotonic()
        _gaugeway(own, "down", within=90.0)
        took = time.monotonic() - began
    assert took < DOWN_SECONDS, f"`gaugeway down` took {took:.1f} s"


def _running(home: Path, environment: Mapping[str, str]) -> Stack:
    status = cast("dict[str, Any]", json.loads(_gaugeway(environment, "status", "--json")))
    components = {one["name"]: one for one in status["components"]}
    missing = [name for name in REQUIRED if not components.get(name, {}).get("ready")]
    assert not missing, f"`gaugeway up` returned, but not ready: {', '.join(missing)}: {status}"
    return Stack(
        home=home,
        environment=environment,
        service_url=status["service"]["url"],
        api_key=status["service"]["api_key"],
        urls={name: one["url"] for name, one in components.items()},
    )


def _gaugeway(environment: Mapping[str, str], *arguments: str, within: float = 60.0) -> str:
    command = (str(BIN / "gaugeway"), *arguments)
    finished = subprocess.run(
        command,
        cwd=ROOT,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
    assert finished.returncode == 0, (
        f"`gaugeway {' '.join(arguments)}` ended with {finished.returncode}:\n"
        f"{finished.stdout[-4000:]}\n{finished.stderr[-4000:]}"
    )
    return finished.stdout
