"""Worker processes that end or hang are replaced, whatever the others do meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from bench.serving import ROOT, free_port

APP = "tests.service.server.small_app:app"
WORKERS = 3
WITHIN = 45.0


@dataclass(frozen=True, slots=True)
class Served:
    """A supervisor and what it wrote."""

    process: subprocess.Popen[bytes]
    log: Path

    def workers(self) -> set[int]:
        """The worker processes that are there and not dead."""
        found: set[int] = set()
        for child in psutil.Process(self.process.pid).children():
            try:
                spawned = any("spawn_main" in part for part in child.cmdline())
            except psutil.Error:
                continue
            if spawned and child.status() != psutil.STATUS_ZOMBIE:
                found.add(child.pid)
        return found

    def started(self) -> int:
        """How many workers have begun to serve since the start."""
        return self.log.read_text().count("Started server process")


@contextmanager
def served(folder: Path, *options: str, app: str = APP) -> Generator[Served]:
    log = folder / "log"
    command = (sys.executable, "-m", "service.server", app, "--workers", str(WORKERS), *options)
    with log.open("wb") as output:
        process = subprocess.Popen(
            (*command, "--port", str(free_port())), cwd=ROOT, stdout=output, stderr=output
        )
    running = Served(process, log)
    try:
        yield running
    finally:
        left = running.workers() if process.poll() is None else set[int]()
        process.kill()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        process.wait(10)


def until(condition: Callable[[], object], what: str, log: Path) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline, f"waited {WITHIN:g} s for {what}:\n{log.read_text()}"
        time.sleep(0.05)


@pytest.mark.parametrize("which", range(WORKERS))
def test_a_killed_worker_is_replaced_while_another_one_hangs(tmp_path: Path, which: int) -> None:
    # Far longer than is waited for here: nothing is to depend on the one that hangs.
    with served(tmp_path, "--timeout-worker-healthcheck", "300") as run:
        until(lambda: run.started() == WORKERS, "all workers", run.log)
        before = sorted(run.workers())
        hanging, victim = before[which], before[which - 1]
        os.kill(hanging, signal.SIGSTOP)
        time.sleep(1)  # So that it is asked while it hangs.
        os.kill(victim, signal.SIGKILL)
        until(lambda: run.started() == WORKERS + 1, "another worker", run.log)
        now = run.workers()
        assert victim not in now
        assert hanging in now
        assert len(now) == WORKERS
        assert f"Worker process [{victim}] was ended by SIGKILL" in run.log.read_text()


def test_several_that_are_killed_while_others_start_are_all_replaced(tmp_path: Path) -> None:
    with served(tmp_path, "--timeout-worker-healthcheck", "300") as run:
        until(lambda: run.started() == WORKERS, "all workers", run.log)
        for round_ in range(2):
            before = run.workers()
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            seen = WORKERS * (round_ + 2)
            until(lambda seen=seen: run.started() == seen, "new workers", run.log)
            assert not run.workers() & before


def test_a_worker_that_hangs_for_too_long_is_killed_and_replaced(tmp_path: Path) -> None:
    with served(tmp_path, "--timeout-worker-healthcheck", "10") as run:
        until(lambda: run.started() == WORKERS, "all workers", run.log)
        hanging = min(run.workers())
        os.kill(hanging, signal.SIGSTOP)
        until(lambda: hanging not in run.workers(), "it to be killed", run.log)
        until(lambda: len(run.workers()) == WORKERS, "another worker", run.log)
        assert f"[{hanging}] has not answered for 10 s: it is killed" in run.log.read_text()


def test_all_end_where_the_application_cannot_start(tmp_path: Path) -> None:
    broken = "tests.service.server.small_app:broken"
    with served(tmp_path, "--factory", app=broken) as run:
        run.process.wait(WITHIN)
        assert "failed to start" in run.log.read_text()


def test_all_end_at_the_signal_to_stop(tmp_path: Path) -> None:
    with served(tmp_path) as run:
        until(lambda: run.started() == WORKERS, "all workers", run.log)
        workers = run.workers()
        run.process.send_signal(signal.SIGTERM)
        run.process.wait(WITHIN)
        assert not [pid for pid in workers if psutil.pid_exists(pid)]
