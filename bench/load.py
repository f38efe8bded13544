"""Asks the service again and again and keeps what came back and how long it took."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

PROMPT = {"role": "user", "content": "Name the seven hills of Rome and when each was settled."}


@dataclass(frozen=True, slots=True)
class Question:
    """One chat request; `headers` come on top of the key's."""

    model: str
    stream: bool = False
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def body(self) -> bytes:
        """The request's JSON text."""
        content: dict[str, Any] = {"model": self.model, "messages": [PROMPT]}
        if self.stream:
            content["stream"] = True
        return json.dumps(content).encode()


@dataclass(slots=True)
class Answers:
    """What came back: how often each status (0: no whole answer), seconds of each whole answer.

    `traces` has the model asked for and the status, by trace id, for every answer that began.
    """

    statuses: Counter[int] = field(default_factory=Counter[int])
    seconds: list[float] = field(default_factory=list[float])
    traces: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])

    @property
    def total(self) -> int:
        """Requests sent."""
        return self.statuses.total()

    @property
    def answered(self) -> int:
        """Requests that got a whole answer, whatever it says."""
        return self.total - self.statuses[0]

    def percentile(self, share: float) -> float:
        """Seconds below which `share` of the answers stayed; 0 when there are none."""
        ranked = sorted(self.seconds)
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


async def ask(
    session: aiohttp.ClientSession, url: str, question: Question, answers: Answers
) -> None:
    """Send one request, read its answer to the end and note it; never raises on a failed one."""
    headers = {"content-type": "application/json", **question.headers}
    began = time.perf_counter()
    try:
        async with session.post(
            f"{url}/v1/chat/completions", data=question.body, headers=headers
        ) as response:
            if trace_id := response.headers.get("x-trace-id"):
                answers.traces[trace_id] = question.model, response.status
            await response.read()
    except (aiohttp.ClientError, TimeoutError):
        answers.statuses[0] += 1
        # Nobody is there, perhaps: asking at full speed would not bring it back.
        await asyncio.sleep(0.05)
        return
    answers.seconds.append(time.perf_counter() - began)
    answers.statuses[response.status] += 1


def client(headers: Mapping[str, str], *, connections: int = 100) -> aiohttp.ClientSession:
    """A session that authenticates and gives an answer thirty seconds."""
    return aiohttp.ClientSession(
        headers=headers,
        connector=aiohttp.TCPConnector(limit=connections),
        timeout=aiohttp.ClientTimeout(total=30),
    )


async def closed_loop(
    url: str,
    headers: Mapping[str, str],
    questions: Sequence[Question],
    *,
    requests: int,
    concurrency: int,
    until: Callable[[], bool] = lambda: False,
    answers: Answers | None = None,
) -> Answers:
    """Send `requests` in all, `concurrency` at a time, each as soon as one is answered.

    Ends early when `until` says so; notes answers in `answers` when given.
    """
    answers = Answers() if answers is None else answers
    numbers = iter(range(requests))

    async def worker(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            if until():
                return
            await ask(session, url, questions[number % len(questions)], answers)

    async with client(headers, connections=concurrency) as session:
        await asyncio.gather(*(worker(session) for _ in range(concurrency)))
    return answers
