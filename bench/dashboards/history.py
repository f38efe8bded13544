"""Thirty days of the product's own series, described for `bench/history` to write.

Names, labels and buckets come from `otel.names`, what rules record from `grafana`; the label values
and how much traffic there is come from `bench.dashboards.world`. The end is a fixed moment late in
a month and a day, so that what is spent since then is as much to add up as it can be.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bench.dashboards import world
from bench.dashboards.world import Labels
from grafana.alerts import recorded as rules
from grafana.dashboards import components, recorded, rollups
from grafana.dashboards.selectors import ENVIRONMENT, SERVICE, label
from grafana.slos import rules as slo_rules
from grafana.slos.declared import SLOS
from grafana.slos.series import SLO_NAME
from otel import attributes as a
from otel import names
from otel.names import Kind, Metric

END: Final = datetime(2026, 5, 31, 21, 47, tzinfo=UTC)
DAYS: Final = 30
EXPORT_MS: Final = 15_000
# Exports are late by a little, never the same.
JITTER_MS: Final = 25
# The longest block that Prometheus compacts to when it keeps 31 days.
BLOCK_MS: Final = 54 * 3600 * 1000

_KINDS: Final = {
    Kind.HISTOGRAM: "histogram",
    Kind.COUNTER: "counter",
    Kind.OBSERVABLE_COUNTER: "counter",
}
# What one event adds to a counter, a histogram's median, a gauge's level; otherwise 1, or the
# middle bucket.
_AMOUNTS: Final[Mapping[Metric, float]] = {
    names.TOKEN_USAGE: 900,
    names.INPUT_TOKENS: 1200,
    names.OUTPUT_TOKENS: 300,
    names.CACHE_READ_TOKENS: 600,
    names.CACHE_WRITE_TOKENS: 200,
    names.REASONING_TOKENS: 150,
    names.COST: 0.004,
    names.SAVED: 0.001,
    names.GATEWAY_DURATION: 0.0012,
    names.BUDGET_LIMIT: 500,
    names.BUDGET_SPENT: 200,
    names.BUDGET_REMAINING: 300,
    names.BUDGET_FORECAST: 450,
}
_STEADY: Final = frozenset({names.BUDGET_LIMIT, names.DEPENDENCY_UP, names.RATE_LIMIT})
# These count failures alone: none of their series is without a type of error.
_FAILURES: Final = frozenset(
    {names.PROVIDER_ERRORS, names.RETRIES, names.FALLBACKS, names.TIMEOUTS, names.REQUESTS_REJECTED}
)
_RARE: Final = _FAILURES | {names.UNPRICED_OPERATIONS, names.BUDGET_DENIALS, names.BUDGET_UNCHECKED}
# The status tells the failure already, or there are hardly any.
_UNTYPED: Final = frozenset({names.HTTP_SERVER_DURATION, names.DEPENDENCY_CHECK_DURATION})
# The bounds of rolled-up buckets, which are series of their own.
_BOUNDS: Final[Mapping[str, tuple[str, ...]]] = {
    one.recorded.prometheus: (*(f"{bound:g}" for bound in one.metric.buckets), "+Inf")
    for one in rollups.ALL
    if one.metric.buckets
}
_FAILED_SHARE: Final = 0.02
_RARE_SHARE: Final = 0.005


@dataclass(frozen=True, slots=True)
class Stream:
    """One set of labels of one metric, as `bench/history` reads it."""

    name: str
    kind: str
    labels: Labels
    interval_ms: int
    jitter_ms: int
    per_second: float
    amount: float
    buckets: tuple[float, ...] = ()

    @property
    def series(self) -> int:
        """How many series Prometheus keeps of it."""
        return len(self.buckets) + 3 if self.kind == "histogram" else 1


def description(*, days: float = DAYS) -> dict[str, object]:
    """What `bench/history` is to write."""
    return {
        "start_ms": _milliseconds(END - timedelta(days=days)),
        "end_ms": _milliseconds(END),
        "block_ms": BLOCK_MS,
        "streams": [asdict(stream) for stream in (*pushed(), *checked(), *by_rules())],
    }


def pushed() -> Iterator[Stream]:
    """What every process exports."""
    for process in world.processes():
        for metric in names.METRICS:
            for labels, traffic in _label_sets(metric):
                yield _stream(metric, {**labels, **process}, traffic)
        yield _stream(components.TARGET_INFO, process, 0)


def checked() -> Iterator[Stream]:
    """What the Collector says of the service: one class of status is answered, the others not."""
    for environment in world.PROCESSES:
        for status in ("1xx", "2xx", "3xx", "4xx", "5xx"):
            answered = status == "2xx"
            labels = {
                ENVIRONMENT: environment,
                "http.url": "http://gaugeway:8080/readyz",
                "http.method": "GET",
                "http.status_class": status,
                "http.status_code": "200" if answered else "",
            }
            yield _stream(components.HTTPCHECK_STATUS, labels, 0, amount=float(answered))


def by_rules() -> Iterator[Stream]:
    """What recording rules record, as often as they do."""
    intervals = {
        rule.name: _interval(group.interval)
        for group in (*rules.GROUPS, *slo_rules.GROUPS)
        for rule in group.rules
    }
    for metric in recorded.ALL:
        for labels, traffic in _label_sets(metric):
            for environment in world.PROCESSES:
                spelled = _spelled({**labels, ENVIRONMENT: environment})
                step = int(labels.get(rollups.LABEL, 0)) * 1000
                every = step or intervals[metric.prometheus]
                yield Stream(metric.prometheus, "gauge", spelled, every, 0, traffic, traffic)


def _label_sets(metric: Metric) -> Iterator[tuple[Labels, float]]:
    """Each set of the metric's own labels, with its events a second."""
    bundles = [(user.labels, user.per_second) for user in world.users()]
    used = _projected(metric, bundles)
    held = _projected(metric, [(budget, 1.0) for budget in world.budgets()])
    bound = {key for labels, _ in (*used[:1], *held[:1]) for key in labels}
    free = [key for key in metric.attributes if key not in bound]
    choices = [[(key, value) for value in _choices(metric, key)] for key in free]
    for (user, traffic), (budget, _) in itertools.product(used, held):
        for others in itertools.product(*choices):
            labels = {**user, **budget, **dict(others)}
            yield labels, traffic * _share(metric, labels)


def _projected(metric: Metric, bundles: list[tuple[Labels, float]]) -> list[tuple[Labels, float]]:
    """The bundles as far as the metric has their labels; equal ones are one, with all traffic."""
    found: dict[tuple[tuple[str, str], ...], float] = {}
    for labels, traffic in bundles:
        key = tuple((name, labels[name]) for name in metric.attributes if name in labels)
        found[key] = found.get(key, 0) + traffic
    return [(dict(key), traffic) for key, traffic in found.items()]


def _choices(metric: Metric, attribute: str) -> tuple[str, ...]:
    if attribute == SLO_NAME:
        return tuple(slo.name for slo in SLOS)
    if attribute == SERVICE:
        return ("gaugeway",)
    if attribute == a.ERROR_TYPE and metric in _UNTYPED:
        return ("",)
    if attribute == rollups.LABEL:
        return tuple(map(str, (rollups.FINE_SECONDS, rollups.COARSE_SECONDS)))
    if attribute == "le":
        return _BOUNDS[metric.prometheus]
    found = world.CHOICES.get(attribute, world.ANY)
    return tuple(filter(None, found)) if metric in _FAILURES else found


def _share(metric: Metric, labels: Labels) -> float:
    if metric in _RARE:
        return _RARE_SHARE
    failed = labels.get(a.ERROR_TYPE) or labels.get(a.HTTP_STATUS_CODE, "200") != "200"
    return _FAILED_SHARE if failed else 1.0


def _stream(metric: Metric, labels: Labels, traffic: float, *, amount: float = 1.0) -> Stream:
    middle = metric.buckets[len(metric.buckets) // 2] if metric.buckets else amount
    return Stream(
        name=metric.prometheus,
        kind=_KINDS.get(metric.kind, "gauge"),
        labels=_spelled(labels),
        interval_ms=EXPORT_MS,
        jitter_ms=JITTER_MS,
        per_second=0 if metric in _STEADY else traffic,
        amount=_AMOUNTS.get(metric, middle),
        buckets=metric.buckets,
    )


def _spelled(labels: Labels) -> Labels:
    return {label(name): value for name, value in labels.items() if value}


def _interval(text: str) -> int:
    return int(text[:-1]) * {"s": 1000, "m": 60_000, "h": 3_600_000}[text[-1]]


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
