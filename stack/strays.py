"""Processes of a stack whose manager is gone: found by a mark in their environment, and ended."""

from __future__ import annotations

import os

import psutil

from stack.home import Home

# Every process of a stack carries it; its value is the stack's home.
MARK = "GAUGEWAY_STACK_HOME"
_GRACE_SECONDS = 15.0


def find_strays(home: Home) -> list[psutil.Process]:
    """Return the running processes of the stack at `home`, this one and its parents excepted."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [
        process
        for process in psutil.process_iter()
        if process.pid not in own and _of(process, home)
    ]


def end_strays(home: Home, *, grace_seconds: float = _GRACE_SECONDS) -> int:
    """Ask them to end, insist after `grace_seconds`, and return how many there were."""
    strays = find_strays(home)
    for process in strays:
        _send(process, force=False)
    _, remaining = psutil.wait_procs(strays, timeout=grace_seconds)
    for process in remaining:
        _send(process, force=True)
    psutil.wait_procs(remaining, timeout=grace_seconds)
    return len(strays)


def _of(process: psutil.Process, home: Home) -> bool:
    try:
        if process.environ().get(MARK) == str(home.path):
            return True
        # Redis writes its title over its environment; its working directory is its data.
        named = process.name() == "redis-server"
        return named and process.cwd() == os.path.realpath(home.data("redis"))
    except (psutil.Error, OSError):
        # Somebody else's, or gone: not ours either way.
        return False


def _send(process: psutil.Process, *, force: bool) -> None:
    try:
        (process.kill if force else process.terminate)()
    except psutil.NoSuchProcess:
        return
