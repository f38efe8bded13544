"""What a person is told of a stack that is not as it should be."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from rich.console import Console

from cli import demo, running
from cli.console import status_view
from stack.home import Home
from stack.lifecycle import Started
from stack.ports import port_variable
from stack.settings import Settings
from stack.status import ComponentStatus, StackStatus
from stack.strays import MARK
from tests.cli.conftest import Gaugeway


@pytest.fixture
def orphan(home: Home) -> Generator[None]:
    """A process of the stack that listens where its service would, without a manager."""
    port = os.environ[port_variable("service")]
    program = (
        "import socket, sys, time\n"
        f"server = socket.create_server(('127.0.0.1', {port}))\n"
        "print('listens', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        (sys.executable, "-c", program),
        env={**os.environ, MARK: str(home.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "listens\n"
    yield
    process.kill()
    process.communicate(timeout=10)


def test_processes_without_their_manager_are_told_from_a_stack_that_is_down(
    gaugeway: Gaugeway, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("orphan")
    seen = " ".join(gaugeway("status").out.split())
    assert "its manager is gone, 1 of its processes run on: `gaugeway up`" in seen
    examined = gaugeway("doctor").out
    assert "✓ ports" in examined
    assert "set GAUGEWAY_SERVICE_PORT" not in examined


class _RunsAlready:
    """A stack that was started before."""

    def __init__(self, settings: Settings) -> None: ...

    async def start(self, observer: object) -> Started:
        return Started(True, 0.1, StackStatus(True, "dev", "", "", ()))


def test_a_second_start_says_that_settings_of_this_shell_do_not_count(
    gaugeway: Gaugeway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "Stack", _RunsAlready)
    monkeypatch.setenv("GAUGEWAY_BUDGETS", "/etc/gaugeway/budgets.yaml")
    ran = gaugeway("up", "--detach")
    assert ran.code == 0
    assert "already up, with the settings that it was started with" in ran.out
    assert "`gaugeway down`" in ran.out


def test_the_demo_names_what_a_running_part_lacks_instead_of_another_start(
    gaugeway: Gaugeway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(_: Settings) -> StackStatus:
        await asyncio.sleep(0)
        loki = ComponentStatus("loki", "managed", "", False, hint="does not answer; see its log")
        return StackStatus(True, "dev", "", "", (loki,))

    monkeypatch.setattr(demo, "look", look)
    ran = gaugeway("demo")
    assert (ran.code, ran.err) == (1, "error loki is not ready: does not answer; see its log\n")


def test_a_stack_that_is_down_is_said_to_be(tmp_path: Path) -> None:
    screen = Console(file=(tmp_path / "said").open("w"))
    screen.print(status_view(StackStatus(False, "dev", "", "", ())))
    screen.file.close()
    assert "not running: gaugeway up" in (tmp_path / "said").read_text()
