"""Runs the command in this process, on a home and ports of the test's own."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.main import main
from stack.home import Home
from stack.ports import port_variable
from tests.stack.conftest import free_ports


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run of the command left: its exit code and what it printed where."""

    code: int
    out: str
    err: str


Gaugeway = Callable[..., Ran]


@pytest.fixture
def home() -> Generator[Home]:
    path = Path(tempfile.mkdtemp(prefix="gw-"))
    yield Home(path)
    shutil.rmtree(path)


@pytest.fixture
def gaugeway(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Gaugeway:
    """Runs `gaugeway` with these arguments."""
    for variable in ("REDIS_URL", "GAUGEWAY_ENV", "GAUGEWAY_API_KEY", "GAUGEWAY_GRAFANA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GAUGEWAY_HOME", str(home.path))
    monkeypatch.setenv("COLUMNS", "100")
    for name, port in free_ports():
        monkeypatch.setenv(port_variable(name), str(port))

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["gaugeway", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    return run
