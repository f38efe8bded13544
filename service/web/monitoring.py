"""The operations page as a whole: what is known, what is missing and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.dependencies import Finding
from service.ledger.documents import BudgetState, Day, Notable, Usage
from service.web import figures
from service.web.budgets import BudgetView, budget_views
from service.web.history import HistoryView, history_view
from service.web.links import grafana_base
from service.web.moments import Moment, Zoned
from service.web.notable import RequestList, notable_view
from service.web.today import Breakdown, TodayView, breakdowns, today_view


@dataclass(frozen=True, slots=True)
class Known:
    """What could be read for one page; None where it could not."""

    usage: Usage | None
    history: tuple[Day, ...] | None
    notable: Notable | None
    budgets: tuple[BudgetState, ...] | None
    findings: tuple[Finding, ...] = ()
    pending: int = 0
    """Entries that wait in this worker until Redis is back."""
    held: int = 0
    """Those among them that are in memory alone."""
    lost: int = 0
    """Entries that this worker lost and Redis does not know of, so that `usage` has no word."""
    slow: frozenset[str] = frozenset()
    """Which of the first four were given up because they took too long; Redis does answer."""
    damaged: Mapping[str, str] = field(default_factory=dict[str, str])
    """Which of them cannot be read for a key that holds something else, with the key."""

    @property
    def ledger_missing(self) -> bool:
        """Whether usage could not be read."""
        return self.usage is None or self.history is None or self.notable is None

    @property
    def away(self) -> bool:
        """Whether anything is missing because Redis does not answer."""
        parts = ("usage", "history", "notable", "budgets")
        known = {*self.slow, *self.damaged}
        return any(getattr(self, part) is None and part not in known for part in parts)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something whoever looks at the page must know; `level` is `warning` or `exhausted`."""

    key: str
    level: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class PartView:
    """One thing the service depends on."""

    name: str
    up: bool
    latency: str
    problem: str | None
    checked_at: Moment


@dataclass(frozen=True, slots=True)
class MonitoringView:
    """Everything the templates show."""

    updated_at: Moment
    time_zone: str
    chart: str
    """Which chart is in front: `model` or `app`."""
    notices: tuple[Notice, ...]
    empty: bool
    today: TodayView | None
    history: HistoryView | None
    budgets: tuple[BudgetView, ...] | None
    breakdowns: tuple[Breakdown, ...]
    notable: tuple[RequestList, ...] | None
    grafana: str | None
    parts: tuple[PartView, ...]


def monitoring_view(
    known: Known, zoned: Zoned, *, chart: str, grafana: str | None
) -> MonitoringView:
    """The page for what is known at a moment."""
    usage = known.usage
    history = None if known.history is None else history_view(known.history)
    states = known.budgets
    return MonitoringView(
        updated_at=zoned.updated(),
        time_zone=zoned.zone.key,
        chart=chart,
        notices=notices(known),
        empty=_empty(known),
        today=None if usage is None else today_view(usage, states or (), zoned),
        history=history,
        budgets=None if states is None else budget_views(states, zoned),
        breakdowns=() if usage is None else breakdowns(usage),
        notable=None if known.notable is None else notable_view(known.notable, zoned, grafana),
        grafana=grafana_base(grafana),
        parts=tuple(_part(finding, zoned) for finding in known.findings),
    )


def notices(known: Known) -> tuple[Notice, ...]:
    """What must be said before all figures, the most pressing first."""
    found: list[Notice] = []
    if known.ledger_missing or known.budgets is None:
        found.append(_missing(known))
    if known.usage is not None and known.usage.totals.unpriced_requests:
        found.append(_unpriced(known.usage))
    found += _budget_notices(known.budgets or ())
    lost = known.lost + (known.usage.lost.requests if known.usage is not None else 0)
    if lost:
        found.append(_lost(lost, known.usage))
    if known.pending:
        found.append(_pending(known))
    elif known.usage is not None and not known.usage.complete and not lost:
        found.append(
            Notice(
                "incomplete",
                "warning",
                "Today's figures are not complete",
                "Some requests wait in a worker's journal, or part of the day is no longer kept.",
            )
        )
    return tuple(found)


def _missing(known: Known) -> Notice:
    what = {
        (True, True): "usage and budgets",
        (True, False): "usage",
        (False, True): "budgets",
    }[known.ledger_missing, known.budgets is None]
    if not known.away and known.damaged:
        keys = sorted(set(known.damaged.values()))
        return Notice(
            "damaged",
            "exhausted",
            f"Keys in Redis hold something else: {what} cannot be shown",
            f"{', '.join(keys)}: what is there is not what the service keeps. Look at it with "
            "redis-cli, and see who else writes into this Redis. A key that is renamed is begun "
            "anew; what it had counted is missing then.",
        )
    if not known.away:
        return Notice(
            "slow",
            "warning",
            f"Reading took too long: {what} cannot be shown in full",
            "Redis answers, but not all could be read in time. What was read is remembered for "
            "some minutes, so the next refresh gets further. See that Redis and this machine have "
            "processor time to spare.",
        )
    return Notice(
        "missing",
        "exhausted",
        f"Redis does not answer: {what} cannot be shown",
        "Requests are served as the settings say for this case, and what they use waits in a "
        "journal on disk. See that Redis runs and that REDIS_URL leads to it; then the figures "
        "come back by themselves.",
    )


def _lost(number: int, usage: Usage | None) -> Notice:
    text = (
        "Neither Redis nor the disk nor memory had room for what they used. Usage and budgets lack "
        "it for good; usage logs have it."
    )
    if usage is not None and usage.lost.requests:
        text += f" What is known of it is {figures.usd(usage.lost.cost_usd).text}"
        unknown = usage.lost.unpriced_requests
        text += f", without {figures.some(unknown, 'request')}." if unknown else "."
    title = f"{figures.some(number, 'request')} of today in no figure"
    return Notice("lost", "exhausted", title, text)


def _pending(known: Known) -> Notice:
    title = f"{figures.some(known.pending, 'request')} not in these figures yet"
    text = "Waiting in the worker's journal on disk, to be added once when Redis takes it again."
    if known.held:
        text = (
            f"To be added once when Redis takes them again. {known.held:,} of them wait in the "
            "worker's memory alone and would be lost with it: the disk of GAUGEWAY_HOME takes no "
            "more. See that it has room and can be written."
        )
    return Notice("pending", "exhausted" if known.held else "warning", title, text)


def _unpriced(usage: Usage) -> Notice:
    totals = usage.totals
    models = [name for name, found in usage.by_model.items() if found.unpriced_requests]
    named = ", ".join(sorted(models)[:5]) + (" and others" if len(models) > 5 else "")
    return Notice(
        "unpriced",
        "exhausted",
        f"No known price: {totals.unpriced_requests:,} of "
        f"{figures.some(totals.requests, 'request')} today",
        f"Their cost is missing from every figure{f': {named}' if named else ''}. Give the models "
        "prices in the file that GAUGEWAY_PRICES names; gaugeway prices explain tells why one has "
        "none.",
    )


def _budget_notices(states: Sequence[BudgetState]) -> list[Notice]:
    names = [state.name for state in states if state.level == "exhausted"]
    if not names:
        return []
    title = f"Budget exhausted: {names[0]}" if len(names) == 1 else "Budgets exhausted"
    return [
        Notice(
            "exhausted",
            "exhausted",
            title,
            f"{', '.join(names)}: what each does at its limit (warn, route to a cheaper model or "
            "refuse) is in the budgets file.",
        )
    ]


def _empty(known: Known) -> bool:
    """Whether all that is kept is known, and nothing was ever asked."""
    if known.ledger_missing or known.usage is None or known.history is None:
        return False
    asked = (known.usage, *known.history)
    return not any(one.totals.requests or one.lost.requests for one in asked)


def _part(finding: Finding, zoned: Zoned) -> PartView:
    return PartView(
        name=finding.name,
        up=finding.up,
        latency=figures.duration(finding.latency_ms).text,
        problem=finding.problem,
        checked_at=zoned.clock(finding.checked_at),
    )
