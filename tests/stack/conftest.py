"""Settings and homes for stacks of tests: short paths, ports nobody uses."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from stack.home import Home
from stack.ports import Ports
from stack.settings import Settings

MakeSettings = Callable[..., Settings]


@pytest.fixture
def home() -> Generator[Home]:
    """An empty home whose path leaves room for a socket's."""
    path = Path(tempfile.mkdtemp(prefix="gw-"))
    yield Home(path)
    shutil.rmtree(path)


@pytest.fixture
def make_settings(home: Home) -> MakeSettings:
    """Makes settings for dev in that home, on free ports, with whatever a test changes."""

    def make(**changes: object) -> Settings:
        values: dict[str, object] = {
            "environment": "dev",
            "home": home,
            "ports": free_ports(),
            "start_seconds": 20.0,
            **changes,
        }
        return Settings(**values)  # type: ignore[arg-type]  # the dataclass checks nothing itself

    return make


def free_ports() -> Ports:
    """A free port for everything, all held at once so that none is given twice."""
    with ExitStack() as held:
        numbers = [_hold(held) for _ in Ports()]
    return Ports(*numbers)


def _hold(held: ExitStack) -> int:
    listener = held.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    return listener.getsockname()[1]
