"""Each panel asked again and again: the 95th percentile, and what it is allowed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bench.dashboards.asking import Panel, Question

LIMIT_SECONDS: Final = 0.5
# What takes so much longer than it may is not asked again.
_HOPELESS: Final = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """A panel asked once: seconds until the last answer, CPU seconds of Prometheus, series."""

    seconds: float
    cpu: float
    series: int


class Answers(Protocol):
    """Whoever answers a panel's questions."""

    def ask(self, questions: Sequence[Question]) -> Asked:
        """Ask all at once and wait for the last answer."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """One panel over one time range, asked once or more.

    `judged`: how long it takes decides the exit status, as it is a range that nobody had to choose.
    """

    panel: Panel
    looked_at: str
    asked: tuple[Asked, ...]
    judged: bool = True

    @property
    def series(self) -> int:
        """How many series the panel got."""
        return self.asked[-1].series

    @property
    def p95(self) -> float:
        """The 95th percentile of its runs, in seconds; of fewer than twenty the slowest."""
        ranked = sorted(one.seconds for one in self.asked)
        return ranked[math.ceil(0.95 * len(ranked)) - 1]

    @property
    def slow(self) -> bool:
        """Whether it takes longer than a panel may."""
        return self.p95 > LIMIT_SECONDS

    @property
    def wrong(self) -> bool:
        """Whether it is a failure: an empty panel is one, for it is fast for no reason."""
        return not self.series or (self.judged and self.slow)

    def line(self) -> dict[str, object]:
        """The JSON line."""
        return {
            "bench": "dashboards",
            "dashboard": self.panel.dashboard,
            "panel": self.panel.title,
            "range": self.looked_at,
            "queries": len(self.panel.questions),
            "series": self.series,
            "runs": len(self.asked),
            "p95_ms": round(self.p95 * 1e3, 1),
            "cpu_ms": round(statistics.median(one.cpu for one in self.asked) * 1e3),
            "slow": self.slow,
            "judged": self.judged,
            "wrong": self.wrong,
        }


def measure(
    panel: Panel, looked_at: str, answers: Answers, *, runs: int, judged: bool = True
) -> Measured:
    """Ask a panel's questions `runs` times, after one time that counts for nothing.

    A dashboard refreshes itself, so what it reads is in memory.
    """
    first = answers.ask(panel.questions)
    if first.seconds > _HOPELESS * LIMIT_SECONDS:
        return Measured(panel, looked_at, (first,), judged)
    asked = tuple(answers.ask(panel.questions) for _ in range(runs))
    return Measured(panel, looked_at, asked, judged)
