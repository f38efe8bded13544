"""Asks the backends what they hold: traces of Tempo, metrics of Prometheus, lines of Loki."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import aiohttp

_QUERY_SECONDS = 10.0
_Document = dict[str, Any]


class BackendError(RuntimeError):
    """A backend refused a query or did not answer; the message names it and what was asked."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span; times are Unix nanoseconds, `parent` is empty for a root."""

    id: str
    parent: str
    name: str
    kind: str
    service: str
    start_ns: int
    end_ns: int
    failed: bool
    attributes: Mapping[str, Any]

    @property
    def milliseconds(self) -> float:
        """Return how long it took."""
        return (self.end_ns - self.start_ns) / 1e6


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log record: Unix nanoseconds, its text, its labels and structured metadata."""

    time_ns: int
    text: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an instant query: its labels and its value."""

    labels: Mapping[str, str]
    value: float

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        """Return the labels as something that can be looked up."""
        return tuple(sorted(self.labels.items()))


class _Backend:
    """Sends GET requests to one backend and reads JSON."""

    name = ""

    def __init__(self, session: aiohttp.ClientSession, url: str):
        self._session = session
        self._url = url

    async def _get(self, path: str, parameters: Mapping[str, str] | None = None) -> _Document:
        """Return the answer; an empty one for 404. Raises `BackendError`."""
        timeout = aiohttp.ClientTimeout(total=_QUERY_SECONDS)
        try:
            async with self._session.get(
                f"{self._url}{path}",
                params=parameters,
                headers={"accept": "application/json"},
                timeout=timeout,
            ) as answer:
                if answer.status == 404:
                    return {}
                if answer.status != 200:
                    said = (await answer.text())[:300].strip()
                    raise BackendError(f"{self.name} answers {answer.status} to {path}: {said}")
                return cast("_Document", await answer.json(content_type=None))
        except (TimeoutError, aiohttp.ClientError) as error:
            raise BackendError(
                f"{self.name} does not answer at {self._url} ({type(error).__name__})"
            ) from error


class Tempo(_Backend):
    """Traces, by id and by TraceQL."""

    name = "Tempo"

    async def spans(self, trace_id: str) -> tuple[Span, ...]:
        """Return the spans of a trace in order of their start; none while it is not there."""
        answer = await self._get(f"/api/traces/{trace_id}")
        spans = [
            _span(span, _attributes(batch.get("resource", {})))
            for batch in answer.get("batches", [])
            for scope in batch.get("scopeSpans", [])
            for span in scope.get("spans", [])
        ]
        return tuple(sorted(spans, key=lambda span: (span.start_ns, -span.end_ns)))

    async def search(self, traceql: str, *, since: float, until: float) -> tuple[str, ...]:
        """Return the ids of the traces that match between two Unix times, in seconds."""
        parameters = {"q": traceql, "start": str(int(since)), "end": str(int(until) + 1)}
        answer = await self._get("/api/search", parameters)
        return tuple(str(trace["traceID"]).zfill(32) for trace in answer.get("traces") or ())


class Loki(_Backend):
    """Log lines, by LogQL."""

    name = "Loki"

    async def lines(self, logql: str, *, since: float, until: float) -> tuple[LogLine, ...]:
        """Return up to a thousand lines between two Unix times, in seconds, oldest first."""
        parameters = {
            "query": logql,
            "start": str(int(since * 1e9)),
            "end": str(int(until * 1e9)),
            "limit": "1000",
            "direction": "forward",
        }
        answer = await self._get("/loki/api/v1/query_range", parameters)
        lines = [
            LogLine(int(value[0]), value[1], stream["stream"])
            for stream in answer.get("data", {}).get("result", [])
            for value in stream["values"]
        ]
        return tuple(sorted(lines, key=lambda line: line.time_ns))


class Prometheus(_Backend):
    """Instant queries and exemplars."""

    name = "Prometheus"

    async def query(self, promql: str) -> tuple[Series, ...]:
        """Return the series of an instant query, now."""
        answer = await self._get("/api/v1/query", {"query": promql})
        return tuple(
            Series(series["metric"], float(series["value"][1]))
            for series in answer["data"]["result"]
        )

    async def exemplars(self, selector: str, *, since: float, until: float) -> list[_Document]:
        """Return each exemplar (`labels`, `value`, `timestamp`) with its series' `seriesLabels`."""
        parameters = {"query": selector, "start": str(since), "end": str(until)}
        answer = await self._get("/api/v1/query_exemplars", parameters)
        return [
            {**exemplar, "seriesLabels": series["seriesLabels"]}
            for series in answer["data"]
            for exemplar in series["exemplars"]
        ]


def _span(span: _Document, resource: Mapping[str, Any]) -> Span:
    return Span(
        id=span["spanId"],
        parent=span.get("parentSpanId", ""),
        name=span["name"],
        kind=str(span.get("kind", "")).removeprefix("SPAN_KIND_"),
        service=str(resource.get("service.name", "")),
        start_ns=int(span["startTimeUnixNano"]),
        end_ns=int(span["endTimeUnixNano"]),
        failed=span.get("status", {}).get("code") in {"STATUS_CODE_ERROR", 2},
        attributes=_attributes(span),
    )


def _attributes(holder: _Document) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in holder.get("attributes", [])}


def _value(value: _Document) -> Any:
    if "arrayValue" in value:
        return [_value(one) for one in value["arrayValue"].get("values", [])]
    kind, content = next(iter(value.items()), ("", None))
    # 64-bit integers are strings in OTLP's JSON.
    return int(content) if kind == "intValue" and content is not None else content
