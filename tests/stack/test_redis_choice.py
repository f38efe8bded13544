"""Which Redis server a stack starts, so that one home is always served by the same one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from stack.components.redis import find_server
from stack.settings import load


def test_an_activated_environment_does_not_change_which_server_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tmp_path / "venv"
    carried = _server(environment / "bin")
    system = _server(tmp_path / "usr")
    monkeypatch.setattr(sys, "prefix", str(environment))
    for places in (
        (system.parent,),
        (carried.parent, system.parent),
        (environment / "lib" / ".." / "bin", system.parent),
    ):
        assert find_server(load({"PATH": os.pathsep.join(map(str, places))})) == system


def test_without_a_server_of_the_system_the_environments_own_is_started() -> None:
    environment = Path(sys.prefix, "bin")
    without = find_server(load({"PATH": "/nonexistent"}))
    activated = find_server(load({"PATH": str(environment)}))
    assert without == activated


def _server(directory: Path) -> Path:
    directory.mkdir(parents=True)
    (directory.parent / "lib").mkdir(exist_ok=True)
    server = directory / "redis-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    return server
