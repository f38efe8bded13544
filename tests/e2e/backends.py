"""Asks the real Tempo, Prometheus and Loki; every failure says which, and the query."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

Json = dict[str, Any]


def get(url: str, parameters: Mapping[str, str] | None = None) -> Json:
    """The JSON object at an address; an empty one where it answers 404."""
    address = f"{url}?{urllib.parse.urlencode(parameters)}" if parameters else url
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return cast("Json", json.load(answer))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return {}
        raise AssertionError(
            f"{address} answered {error.code}: {error.read().decode(errors='replace')[:500]}"
        ) from None


@dataclass(frozen=True, slots=True)
class Span:
    """One span of a trace as Tempo holds it; ids are hexadecimal or base64, compared only."""

    id: str
    parent: str
    name: str
    kind: str
    error: bool
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Tempo:
    """Traces by id."""

    url: str

    def spans(self, trace_id: str) -> tuple[Span, ...]:
        """All spans of a trace, by start; none where Tempo does not know it yet."""
        answer = get(f"{self.url}/api/traces/{trace_id}")
        spans = [
            _span(span, _attributes(batch.get("resource", {})))
            for batch in answer.get("batches", [])
            for scope in batch.get("scopeSpans", [])
            for span in scope.get("spans", [])
        ]
        return tuple(sorted(spans, key=lambda span: span.start_ns))


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Instant queries and exemplars."""

    url: str

    def query(self, promql: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series now."""
        answer = get(f"{self.url}/api/v1/query", {"query": promql})
        return [
            (cast("dict[str, str]", series["metric"]), float(series["value"][1]))
            for series in answer["data"]["result"]
        ]

    def value(self, promql: str) -> float | None:
        """The one value of a query that gives at most one series; None where there is none."""
        found = self.query(promql)
        assert len(found) <= 1, f"Prometheus: {promql} gave {len(found)} series: {found}"
        return found[0][1] if found else None

    def exemplars(self, selector: str, *, since: float, until: float) -> list[Json]:
        """Every exemplar of the selected series between two Unix times."""
        parameters = {"query": selector, "start": str(since), "end": str(until)}
        answer = get(f"{self.url}/api/v1/query_exemplars", parameters)
        return [one for series in answer["data"] for one in series["exemplars"]]


@dataclass(frozen=True, slots=True)
class Line:
    """One log line: its text, and its labels and structured metadata as Loki spells them."""

    text: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Loki:
    """Log lines by LogQL."""

    url: str

    def lines(self, logql: str, *, since: float, until: float) -> tuple[Line, ...]:
        """Lines between two Unix times, oldest first, at most a thousand."""
        parameters = {
            "query": logql,
            "start": str(int(since * 1e9)),
            "end": str(int(until * 1e9)),
            "limit": "1000",
            "direction": "forward",
        }
        answer = get(f"{self.url}/loki/api/v1/query_range", parameters)
        return tuple(
            Line(value[1], stream["stream"])
            for stream in answer["data"]["result"]
            for value in stream["values"]
        )


def _span(span: Json, resource: Mapping[str, Any]) -> Span:
    return Span(
        id=span["spanId"],
        parent=span.get("parentSpanId", ""),
        name=span["name"],
        kind=str(span.get("kind", "")).removeprefix("SPAN_KIND_"),
        error=span.get("status", {}).get("code") == "STATUS_CODE_ERROR",
        attributes=_attributes(span),
        resource=resource,
        start_ns=int(span["startTimeUnixNano"]),
        end_ns=int(span["endTimeUnixNano"]),
    )


def _attributes(holder: Json) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in holder.get("attributes", [])}


def _value(value: Json) -> Any:
    if "arrayValue" in value:
        return [_value(one) for one in value["arrayValue"].get("values", [])]
    kind, content = next(iter(value.items()))
    return int(content) if kind == "intValue" else content
