"""What Linux says of a process: CPU time, memory, children; and which core it may run on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def family(pid: int) -> Iterator[int]:
    """The process and its living descendants, parents first."""
    yield pid
    for task in (PROC / str(pid) / "task").glob("*/children"):
        try:
            children = task.read_text().split()
        except FileNotFoundError:
            continue
        for child in children:
            yield from family(int(child))


def cpu_seconds(pid: int) -> float:
    """CPU seconds the process and its living descendants have used, user and system together.

    From the scheduler's nanosecond accounts of the living threads: clock ticks are too coarse for
    runs of a second. Take differences only while no thread ends.
    """
    return sum(_scheduled(member) for member in family(pid)) / 1e9


def _scheduled(pid: int) -> int:
    total = 0
    for account in (PROC / str(pid) / "task").glob("*/schedstat"):
        try:
            total += int(account.read_text().split()[0])
        except FileNotFoundError:
            continue
    return total


def resident_bytes(pid: int) -> int:
    """Resident memory of the process and its living descendants, shared pages counted in each."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for member in family(pid):
        try:
            total += int((PROC / str(member) / "statm").read_text().split()[1]) * page
        except FileNotFoundError:
            continue
    return total


def cores() -> tuple[int, int]:
    """A core for the service and one for everything else; the same one where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def pin(core: int, pid: int = 0) -> None:
    """Keep the process (0: this one) and what it starts from now on to one core."""
    os.sched_setaffinity(pid, {core})
