"""The processes that serve requests, found below the one that the process manager started."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

# How uvicorn's workers are started; the process above them serves nothing.
_WORKER_MARK = "multiprocessing.spawn"


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that serves requests. `cpu_seconds` is since its start, memory is resident."""

    pid: int
    cpu_seconds: float
    memory_bytes: int


def workers(pid: int) -> tuple[Worker, ...]:
    """Return the workers of the service whose first process is `pid`, the busiest first.

    A service with one worker has no process above it. None where there is no such process.
    """
    try:
        first = psutil.Process(pid)
        spawned = [child for child in first.children(recursive=True) if _is_worker(child)]
    except psutil.Error:
        return ()
    found = [worker for process in spawned or [first] if (worker := _worker(process)) is not None]
    return tuple(sorted(found, key=lambda worker: worker.cpu_seconds, reverse=True))


def _is_worker(process: psutil.Process) -> bool:
    try:
        return any(_WORKER_MARK in argument for argument in process.cmdline())
    except psutil.Error:
        return False


def _worker(process: psutil.Process) -> Worker | None:
    try:
        times = process.cpu_times()
        return Worker(process.pid, times.user + times.system, process.memory_info().rss)
    except psutil.Error:
        # It ended while we looked.
        return None
