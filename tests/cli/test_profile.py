"""`gaugeway profile` with a program that stands in for py-spy, on processes that are real."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from stack.home import Home
from stack.ports import Ports
from stack.record import Record, write_record
from stack.service_processes import workers
from tests.cli.conftest import Gaugeway

# Says what it was asked, and writes the file it was asked for.
STAND_IN = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/asked"
while [ $# -gt 0 ]; do
  if [ "$1" = --output ]; then echo '<svg/>' > "$2"; fi
  shift
done
exit ${STAND_IN_CODE:-0}
"""
SERVICE = """
import multiprocessing, time

def serve(serving):
    serving.release()
    time.sleep(60)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    serving = context.Semaphore(0)
    children = [context.Process(target=serve, args=(serving,), daemon=True) for _ in range(2)]
    for child in children:
        child.start()
    for _ in children:
        serving.acquire()
    print(*(child.pid for child in children), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the stand-in writes what it is asked."""
    program = tmp_path / "bin" / "py-spy"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    # Not the one that may be installed beside this Python.
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "python"))
    return program.parent / "asked"


@pytest.fixture
def service(tmp_path: Path) -> Generator[subprocess.Popen[str]]:
    script = tmp_path / "service.py"
    script.write_text(SERVICE)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.terminate()


def test_a_flame_graph_is_written_of_the_process_that_is_named(
    gaugeway: Gaugeway, tmp_path: Path, asked: Path
) -> None:
    file = tmp_path / "flames.svg"
    ran = gaugeway("profile", "--pid", "4711", "--seconds", "3", "--output", str(file))
    assert ran.code == 0
    assert file.read_text() == "<svg/>\n"
    options = f"--format flamegraph --output {file} --duration 3"
    assert asked.read_text() == f"record --pid 4711 {options}\n"
    assert f"written {file}" in ran.out


@pytest.mark.usefixtures("asked")
def test_a_file_that_is_not_named_has_time_and_process_in_its_name(
    gaugeway: Gaugeway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert gaugeway("profile", "--pid", "4711", "--seconds", "1").code == 0
    [file] = tmp_path.glob("*.svg")
    assert re.fullmatch(r"gaugeway-profile-\d{8}T\d{6}Z-4711\.svg", file.name)


def test_a_dump_writes_no_file(
    gaugeway: Gaugeway, tmp_path: Path, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert gaugeway("profile", "--pid", "4711", "--dump").code == 0
    assert asked.read_text() == "dump --pid 4711\n"
    assert not list(tmp_path.glob("*.svg"))


@pytest.mark.usefixtures("asked")
def test_what_py_spy_may_not_do_is_said_with_a_way_out(
    gaugeway: Gaugeway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_CODE", "1")
    ran = gaugeway("profile", "--pid", "4711", "--output", str(tmp_path / "none.svg"))
    assert ran.code == 1
    assert 'sudo env "PATH=$PATH" gaugeway profile --pid 4711' in ran.err
    assert "written" not in ran.out


def test_without_py_spy_it_says_how_to_come_by_it(
    gaugeway: Gaugeway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    ran = gaugeway("profile", "--pid", str(os.getpid()))
    assert ran.code == 1
    assert "pip install py-spy" in ran.err


@pytest.mark.parametrize("option", ["--list", "--dump"])
@pytest.mark.usefixtures("asked")
def test_where_nothing_runs_it_says_so(gaugeway: Gaugeway, option: str) -> None:
    ran = gaugeway("profile", option)
    assert ran.code == 1
    assert "gaugeway up" in ran.err
    assert "--pid" in ran.err


@pytest.mark.usefixtures("asked")
def test_of_a_service_in_a_container_it_says_what_to_run_on_the_host(
    gaugeway: Gaugeway, home: Home
) -> None:
    home.prepare()
    write_record(home, Record("dev", Ports(), 0, engine="docker"))
    ran = gaugeway("profile")
    assert ran.code == 1
    assert "py-spy record --subprocesses" in ran.err


def test_the_process_above_the_workers_is_none_of_them(service: subprocess.Popen[str]) -> None:
    assert service.stdout is not None
    spawned = {int(pid) for pid in service.stdout.readline().split()}
    found = workers(service.pid)
    assert {worker.pid for worker in found} == spawned
    assert all(worker.memory_bytes > 0 for worker in found)
    assert [worker.cpu_seconds for worker in found] == sorted(
        (worker.cpu_seconds for worker in found), reverse=True
    )


def test_a_service_alone_is_its_own_worker() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as alone:
        assert [worker.pid for worker in workers(alone.pid)] == [alone.pid]
        alone.terminate()


def test_a_process_that_ended_has_no_workers() -> None:
    with subprocess.Popen(["/bin/true"]) as ended:
        ended.wait()
    assert workers(ended.pid) == ()
