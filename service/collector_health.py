"""Whether telemetry arrives at the Collector: it can be reached, and it takes what it is sent.

One that takes connections and never answers, refuses what it is sent or throws it away can be
reached all the same; this process's own exports tell. With nothing to export nothing can fail, and
metrics are exported at an interval, so what is told here is never older than that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from otel import exports
from otel.exports import ExportTrouble, Trouble
from service.dependencies import DependencyProblem

_PROBLEMS: Final[Mapping[Trouble, str]] = {
    "timeout": "export timeout",
    "untrusted": "export untrusted",
    "unreachable": "export unreachable",
    "refused": "export refused",
    "rejected": "export rejected",
    "slow": "export slow",
}
"""A word or two for metrics and /readyz; of several troubles the first one of these is told."""


def takes_exports(
    reach: Callable[[], Awaitable[None]],
    troubles: Callable[[], Sequence[ExportTrouble] | None] = exports.troubles,
) -> Callable[[], Awaitable[None]]:
    """Return a check that the Collector is reached and that exports arrive.

    Where this process exports nothing over OTLP reaching it is all. The check raises what `reach`
    raises, and `DependencyProblem`.
    """

    async def check() -> None:
        await reach()
        found = troubles()
        if found:
            raise _problem(found)

    return check


def _problem(found: Sequence[ExportTrouble]) -> DependencyProblem:
    kinds = {one.trouble for one in found}
    problem = next(name for kind, name in _PROBLEMS.items() if kind in kinds)
    signals = ", ".join(f"{one.signal} ({one.detail})" for one in found)
    return DependencyProblem(
        problem, f"What is sent to it does not arrive as it should: {signals}."
    )
