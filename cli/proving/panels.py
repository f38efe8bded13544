"""Every query of every dashboard answers with data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from cli.proving.allowed_empty import ALLOWED_EMPTY, WITHOUT_TRACES
from cli.proving.answers import Backends, RefusedError
from cli.proving.dashboards import Dashboard, Question, Variable
from cli.proving.finding import Finding, Kind
from grafana.dashboards import rollups
from grafana.dashboards.variable_values import TimeRange, time_range

Check = Callable[[], Awaitable[Finding]]


def panel_checks(
    dashboards: Iterable[Dashboard], backends: Backends, now: Callable[[], float]
) -> list[Check]:
    """Return a check for each query of panels, their exemplars, events and variables.

    Each may be made again until its data are there. `now` is Unix seconds.
    """
    checks: list[Check] = []
    for dashboard in dashboards:
        looking = _Looking(dashboard, backends, now)
        questions = list(dashboard.questions)
        checks += [looking.answered("panel", one) for one in questions]
        checks += [
            looking.answered_in_steps(one, seconds)
            for one in questions
            for seconds in (rollups.FINE_SECONDS, rollups.COARSE_SECONDS)
            if one.reads_rollups
        ]
        checks += [looking.exemplified(one) for one in questions if one.exemplars]
        checks += [looking.answered("event", one) for one in dashboard.events]
        checks += [looking.offered(one) for one in dashboard.variables]
    return checks


class _Looking:
    """One dashboard, looked at with everything chosen."""

    def __init__(self, dashboard: Dashboard, backends: Backends, now: Callable[[], float]):
        self._dashboard = dashboard
        self._since = dashboard.since
        self._chosen: Mapping[str, str] = dashboard.everything
        self._backends = backends
        self._now = now

    def answered(self, kind: Kind, question: Question) -> Check:
        """Return the check that a question has an answer."""

        async def check() -> Finding:
            return await _found(
                kind,
                question,
                lambda: self._backends.rows(question, self._shown(question), self._chosen),
            )

        return check

    def answered_in_steps(self, question: Question, seconds: int) -> Check:
        """Return the check that a question has an answer where the time range reads rollups.

        Rollups are there from the first traffic on, so what they tell of a short one is enough.
        """
        named = replace(question, panel=f"{question.panel}, in steps of {seconds} s")
        chosen = self._dashboard.everything_in_steps(seconds)

        async def check() -> Finding:
            return await _found(
                "panel",
                named,
                lambda: self._backends.rows(question, self._shown(question), chosen),
            )

        return check

    def exemplified(self, question: Question) -> Check:
        """Return the check that points of a graph lead to traces."""

        async def check() -> Finding:
            return await _found(
                "exemplar",
                question,
                lambda: self._backends.exemplars(question, self._shown(question), self._chosen),
            )

        return check

    def offered(self, variable: Variable) -> Check:
        """Return the check that a variable offers something."""

        async def check() -> Finding:
            shown = time_range(self._now(), self._since)
            try:
                values = await self._backends.values(variable, shown, self._chosen)
            except (RefusedError, ValueError) as error:
                return Finding("variable", variable.dashboard, variable.name, "failed", str(error))
            if not values:
                return Finding(
                    "variable", variable.dashboard, variable.name, "failed", "offers nothing"
                )
            return Finding(
                "variable", variable.dashboard, variable.name, "proven", ", ".join(values[:5])
            )

        return check

    def _shown(self, question: Question) -> TimeRange:
        return time_range(self._now(), question.since or self._since)


async def _found(
    kind: Kind, question: Question, ask: Callable[[], Awaitable[Sequence[object]]]
) -> Finding:
    try:
        rows = await ask()
    except (RefusedError, ValueError) as error:
        return Finding(kind, question.dashboard, question.name, "failed", str(error))
    if rows:
        how = f"{len(rows)} from {question.backend}"
        return Finding(kind, question.dashboard, question.name, "proven", how)
    excuses = {"panel": ALLOWED_EMPTY, "exemplar": WITHOUT_TRACES}.get(kind, {})
    if reason := excuses.get((question.dashboard, question.panel)):
        return Finding(kind, question.dashboard, question.name, "excused", reason)
    how = f"{question.backend} has no data"
    return Finding(kind, question.dashboard, question.name, "failed", how)
