"""Loads a service and stops it in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from bench.load import Answers, Question, closed_loop

MORE_THAN_ENOUGH = 100_000
CONCURRENCY = 16


async def stopped_under_load(
    url: str,
    headers: Mapping[str, str],
    questions: Sequence[Question],
    *,
    after: int,
    stop: Callable[[], object],
) -> Answers:
    """Ask until `after` answers have come, call `stop` on a thread, and go on until it returns."""
    answers = Answers()
    stopped = asyncio.Event()

    async def stop_it() -> None:
        while answers.answered < after:
            await asyncio.sleep(0.01)
        try:
            await asyncio.to_thread(stop)
        finally:
            stopped.set()

    stopping = asyncio.create_task(stop_it())
    await closed_loop(
        url,
        headers,
        questions,
        requests=MORE_THAN_ENOUGH,
        concurrency=CONCURRENCY,
        until=stopped.is_set,
        answers=answers,
    )
    await stopping
    return answers
