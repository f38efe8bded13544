"""Follows one request through every backend: from its answer to span, log, metric and cost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

import aiohttp

from otel import names
from stack.links import Queries
from stack.observations import BackendError, LogLine, Loki, Prometheus, Series, Span, Tempo
from stack.requests import Answer, Request, send
from stack.settings import Settings

# The app whose key sends the request: nobody else moves its series.
APP = "journey"
SIGNALS = ("span", "log", "metric", "exemplar", "cost")
_POLL_SECONDS = 0.25
# More than the longest export interval that an environment sets.
_SETTLING_SECONDS = 20.0
# A clock that is a little off between the parts must not hide anything.
_MARGIN_SECONDS = 60.0

Found = TypeVar("Found")


class JourneyError(RuntimeError):
    """The request could not be followed; the message says which signal is missing, and where."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A metric that the request moved: its series' labels and its value before and after."""

    name: str
    labels: Mapping[str, str]
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Journey:
    """One request, seen everywhere. Costs are USD; times are seconds after the answer's end."""

    answer: Answer
    queries: Queries
    spans: tuple[Span, ...]
    logs: tuple[LogLine, ...]
    metric: Movement
    exemplar: Mapping[str, Any]
    cost: Movement
    visible_after: Mapping[str, float] = field(default_factory=dict[str, float])


def chosen_request(*, control: bool) -> Request:
    """Return the request that is followed: a stream and, where faults can be asked for, a retry."""
    body = {
        "model": "simulated",
        "messages": [{"role": "user", "content": "Which way did this request take?"}],
        "stream": True,
    }
    headers = {"x-gaugeway-component": "assistant"}
    if control:
        headers["x-gaugeway-simulate"] = json.dumps({"status": 429, "times": 1})
    return Request("journey", body=body, headers=headers)


class Traveller:
    """Sends the chosen request and waits, within a bound for each signal, until all have it."""

    def __init__(
        self,
        settings: Settings,
        session: aiohttp.ClientSession,
        bound_seconds: float,
        app: str = APP,
    ):
        self._app = app
        self._session = session
        self._service = settings.url("service")
        self._tempo = Tempo(session, settings.url("tempo"))
        self._loki = Loki(session, settings.url("loki"))
        self._prometheus = Prometheus(session, settings.url("prometheus"))
        self._bound = bound_seconds

    async def follow(self, api_key: str, request: Request) -> Journey:
        """Return the request's journey; raises `JourneyError`."""
        if self._app != APP:
            # Its series are others' too: let what is on its way arrive first.
            await asyncio.sleep(_SETTLING_SECONDS)
        metric, cost = _count_query(self._app), _cost_query(self._app)
        metric_before = await self._values(metric)
        cost_before = await self._values(cost)
        answer = await send(self._session, self._service, api_key, request)
        if answer.status != 200 or not answer.trace_id or not answer.cost:
            raise JourneyError(
                f"the service answered {answer.status or 'nothing'} instead of a complete answer "
                f"with a trace id and a cost: {answer.text[:300]}"
            )
        ended = time.monotonic()
        queries = _queries(answer, self._app, metric, cost)
        waiting = [
            self._until("span", "Tempo", ended, lambda: self._spans(answer)),
            self._until("log", "Loki", ended, lambda: self._lines(queries)),
            self._until("metric", "Prometheus", ended, lambda: self._moved(metric, metric_before)),
            self._until("exemplar", "Prometheus", ended, lambda: self._exemplar(queries)),
            self._until("cost", "Prometheus", ended, lambda: self._moved(cost, cost_before)),
        ]
        found = await asyncio.gather(*waiting, return_exceptions=True)
        _raise_all(found)
        results: list[tuple[Any, float]] = [pair for pair in found if isinstance(pair, tuple)]
        (spans, _), (logs, _), (moved, _), (exemplar, _), (spent, _) = results
        if self._app == APP:
            _check_cost(answer, spent)
        return Journey(
            answer=answer,
            queries=queries,
            spans=spans,
            logs=logs,
            metric=moved,
            exemplar=exemplar,
            cost=spent,
            visible_after={
                signal: seconds for signal, (_, seconds) in zip(SIGNALS, results, strict=True)
            },
        )

    async def _until(
        self, signal: str, backend: str, since: float, look: Callable[[], Awaitable[Found | None]]
    ) -> tuple[Found, float]:
        """Look until there is something; raises `JourneyError` after the bound."""
        refusal = ""
        while time.monotonic() - since < self._bound:
            try:
                if (found := await look()) is not None:
                    return found, time.monotonic() - since
            except BackendError as error:
                refusal = f" ({error})"
            await asyncio.sleep(_POLL_SECONDS)
        raise JourneyError(f"{signal}: not in {backend} within {self._bound:.0f} s{refusal}")

    async def _spans(self, answer: Answer) -> tuple[Span, ...] | None:
        """Look the trace up by its id and find it by search; complete once its root is there."""
        spans = await self._tempo.spans(answer.trace_id)
        known = {span.id for span in spans}
        complete = bool(spans) and all(not span.parent or span.parent in known for span in spans)
        if not complete or not any(span.kind == "CLIENT" for span in spans):
            return None
        found = await self._tempo.search(
            f'{{ .gaugeway.app = "{self._app}" }}',
            since=answer.began - _MARGIN_SECONDS,
            until=answer.ended + _MARGIN_SECONDS,
        )
        return spans if answer.trace_id in found else None

    async def _lines(self, queries: Queries) -> tuple[LogLine, ...] | None:
        lines = await self._loki.lines(
            queries.logs,
            since=queries.began - _MARGIN_SECONDS,
            until=queries.ended + _MARGIN_SECONDS,
        )
        return lines if any(line.text == names.USAGE_BODY for line in lines) else None

    async def _values(self, promql: str) -> dict[tuple[tuple[str, str], ...], Series]:
        try:
            return {series.key: series for series in await self._prometheus.query(promql)}
        except BackendError as error:
            raise JourneyError(str(error)) from error

    async def _moved(
        self, promql: str, before: Mapping[tuple[tuple[str, str], ...], Series]
    ) -> Movement | None:
        """Return the series that rose, if one did; one that is new began at nothing."""
        for series in await self._prometheus.query(promql):
            earlier = before[series.key].value if series.key in before else 0.0
            if series.value > earlier:
                labels = {name: text for name, text in series.labels.items() if name != "__name__"}
                return Movement(series.labels["__name__"], labels, earlier, series.value)
        return None

    async def _exemplar(self, queries: Queries) -> Mapping[str, Any] | None:
        exemplars = await self._prometheus.exemplars(
            queries.exemplars,
            since=queries.began - _MARGIN_SECONDS,
            until=queries.ended + _MARGIN_SECONDS,
        )
        for exemplar in exemplars:
            if exemplar["labels"].get("trace_id") == queries.trace_id:
                return exemplar
        return None


def _count_query(app: str) -> str:
    return f'{names.OPERATION_DURATION.prometheus}_count{{gaugeway_app="{app}"}}'


def _cost_query(app: str) -> str:
    return f'{names.COST.prometheus}{{gaugeway_app="{app}"}}'


def _queries(answer: Answer, app: str, metric: str, cost: str) -> Queries:
    return Queries(
        trace_id=answer.trace_id,
        logs=f'{{service_name="gaugeway"}} | trace_id="{answer.trace_id}"',
        metric=metric,
        exemplars=f'{names.OPERATION_DURATION.prometheus}_bucket{{gaugeway_app="{app}"}}',
        cost=cost,
        began=answer.began,
        ended=answer.ended,
    )


def _check_cost(answer: Answer, spent: Movement) -> None:
    """Hold the counter, a double, to what the answer said; its series is nobody else's."""
    told, counted = Decimal(answer.cost), Decimal(spent.after) - Decimal(spent.before)
    if abs(counted - told) > Decimal("1e-9") * max(told, Decimal(1)):
        raise JourneyError(
            f"cost: the answer says {told} USD, {spent.name} moved by {counted:.12f}"
        )


def _raise_all(found: list[Any]) -> None:
    missing = [error for error in found if isinstance(error, JourneyError)]
    if missing:
        raise JourneyError("\n".join(str(error) for error in missing))
    for outcome in found:
        if isinstance(outcome, BaseException):
            raise outcome
