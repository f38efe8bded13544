"""Runs what would hold up the event loop in a thread beside it, one such piece of work at a time.

One thread, not several: whoever computes in Python holds the interpreter for a while, and the loop
would wait for each of them in turn. The work must be made of short calls: one call into C, such as
parsing a JSON text, does not let go of the interpreter until it ends. Nor does a collection of
garbage, so none begins meanwhile: what the work makes is none, and there is much to look through.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the work returns, or the exception it raises; it runs to its end once it has begun."""
    context, whole = contextvars.copy_context(), partial(work, *args, **kwargs)

    def run() -> T:
        return context.run(_uncollected, whole)

    return await asyncio.get_running_loop().run_in_executor(_thread(), run)


async def aside_if(heavy: bool, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same for what is heavy; everything else is done here and now."""
    return await aside(work, *args, **kwargs) if heavy else work(*args, **kwargs)


def _uncollected(work: Callable[[], T]) -> T:
    enabled = gc.isenabled()
    gc.disable()
    try:
        return work()
    finally:
        if enabled:
            gc.enable()


@cache
def _thread() -> ThreadPoolExecutor:
    """Made by the first who needs it, so that a process that forks before has none."""
    return ThreadPoolExecutor(1, thread_name_prefix="aside")
