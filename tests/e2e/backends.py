"""Asks the real backends from a test: the stack's own clients, one question at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from stack import observations
from stack.observations import LogLine, Series, Span

Backend = TypeVar("Backend")
Found = TypeVar("Found")


def _ask(
    backend: Callable[[aiohttp.ClientSession, str], Backend],
    url: str,
    question: Callable[[Backend], Awaitable[Found]],
) -> Found:
    async def ask() -> Found:
        async with aiohttp.ClientSession() as session:
            return await question(backend(session, url))

    return asyncio.run(ask())


@dataclass(frozen=True, slots=True)
class Backends:
    """Where a stack's Tempo, Prometheus and Loki are. All questions raise `BackendError`."""

    tempo: str
    prometheus: str
    loki: str

    def spans(self, trace_id: str) -> tuple[Span, ...]:
        """All spans of a trace by start; none while Tempo does not know it."""
        return _ask(observations.Tempo, self.tempo, lambda tempo: tempo.spans(trace_id))

    def series(self, promql: str) -> tuple[Series, ...]:
        """Labels and value of each series now."""
        return _ask(
            observations.Prometheus, self.prometheus, lambda prometheus: prometheus.query(promql)
        )

    def value(self, promql: str) -> float | None:
        """The one value of a query that gives at most one series; None where there is none."""
        found = self.series(promql)
        assert len(found) <= 1, f"Prometheus: {promql} gave {len(found)} series: {found}"
        return found[0].value if found else None

    def exemplars(self, selector: str, *, since: float, until: float) -> list[dict[str, Any]]:
        """Every exemplar of the selected series between two Unix times."""
        return _ask(
            observations.Prometheus,
            self.prometheus,
            lambda prometheus: prometheus.exemplars(selector, since=since, until=until),
        )

    def lines(self, logql: str, *, since: float, until: float) -> tuple[LogLine, ...]:
        """Log lines between two Unix times, oldest first."""
        return _ask(
            observations.Loki,
            self.loki,
            lambda loki: loki.lines(logql, since=since, until=until),
        )
