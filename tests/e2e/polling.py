"""Waits for what arrives late, with a bound, and says what was seen instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


class NotYetError(AssertionError):
    """What a probe saw instead of what it looks for."""


def until(probe: Callable[[], Found], *, within: float, every: float = 0.25) -> Found:
    """Call `probe` until it no longer raises `NotYetError`, and give back what it found.

    After `within` seconds its last `NotYetError` fails the test, with the time waited; any other
    exception is raised at once.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            return probe()
        except NotYetError as unseen:
            if time.monotonic() >= deadline:
                raise AssertionError(f"{unseen} (after {within:g} s)") from None
        time.sleep(every)
