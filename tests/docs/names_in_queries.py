"""Which metrics, labels and attributes a query of a page names, and which of them exist."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any, Final, cast

import yaml

from grafana.dashboards import components
from grafana.dashboards.components import Scraped
from otel import attributes, names
from otel.names import Kind

_RULES: Final = Path(__file__).parents[2] / "backends" / "rules"


def _label(attribute: str) -> str:
    return attribute.replace(".", "_")


# Promoted from the resource onto every series that is pushed, and onto every log stream.
RESOURCE: Final = frozenset(
    {"service_name", "service_instance_id", "service_version", "deployment_environment_name"}
)
# What Loki keeps beside a record's own attributes.
RECORD: Final = (
    RESOURCE
    | {_label(attribute.name) for attribute in attributes.ATTRIBUTES}
    | {"trace_id", "span_id", "scope_name", "severity_number", "severity_text", "__error__"}
    # Of the records about operators, which are the service's own and no telemetry of an inference.
    | {"gaugeway_admin_action", "gaugeway_admin_key_id", "client_address"}
)
SPAN: Final = frozenset(
    attribute.name for attribute in attributes.ATTRIBUTES if "span" in attribute.signals
)
_SPAN_RESOURCE: Final = frozenset({"service.name", "deployment.environment.name"})
_INTRINSICS: Final = frozenset({"kind", "duration", "status", "name", "trace:id", "traceDuration"})
_TRACE_WORDS: Final = frozenset(
    {"server", "client", "error", "ok", "unset", "nil", "true", "false"}
)

_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`')
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
_MATCHER: Final = re.compile(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)")
_WORD: Final = re.compile(r"(?<![\w.:])([a-zA-Z_:][\w:]*)(?![\w:]|\s*\()")
_PROMQL_WORDS: Final = frozenset(
    {"and", "or", "unless", "bool", "offset", "group_left", "group_right"}
)


def _series() -> Iterator[tuple[str, Set[str]]]:
    for metric in (*names.METRICS, *components.ALL):
        own = {_label(attribute) for attribute in metric.attributes} | {"job", "instance"}
        known = own if isinstance(metric, Scraped) else own | RESOURCE
        histogram = metric.kind is Kind.HISTOGRAM
        for suffix in ("_bucket", "_count", "_sum") if histogram else ("",):
            labels = known | {"le"} if suffix == "_bucket" else known
            yield metric.prometheus + suffix, labels


SERIES: Final = dict(_series())


def recorded() -> dict[str, frozenset[str]]:
    """All recording rules that are committed, with the labels that they add."""
    found: dict[str, frozenset[str]] = {}
    for path in _RULES.glob("*.yaml"):
        for group in cast("dict[str, Any]", yaml.safe_load(path.read_text()))["groups"]:
            for rule in group["rules"]:
                added = frozenset(rule.get("labels", ()))
                found[rule["record"]] = found.get(rule["record"], frozenset()) | added
    return found


def unknown_in_promql(query: str) -> set[str]:
    """Names in a PromQL that nobody emits: metrics, and labels that none of its metrics has."""
    bare = _TEXT.sub('""', query)
    labels = {name for inside in _BRACES.findall(bare) for name in _MATCHER.findall(inside)}
    labels |= {
        name.strip() for inside in _GROUPING.findall(bare) for name in inside.split(",") if name
    }
    metrics = _words(_GROUPING.sub("", _BRACES.sub("", bare))) - _PROMQL_WORDS
    rules = recorded()
    unknown = {name for name in metrics if name not in SERIES and name not in rules}
    # What a rule keeps is in the rule; it can only be a label of what there is.
    of_rules = set[str]().union(*SERIES.values()) if metrics & set(rules) else set[str]()
    allowed = of_rules.union(*({**SERIES, **rules}.get(name, ()) for name in metrics))
    return unknown | (labels - allowed)


def unknown_in_logql(query: str) -> set[str]:
    """Labels and attributes in a LogQL that no log record has."""
    templates = re.findall(r"\.(\w+)", " ".join(re.findall(r"line_format\s+[\"`]([^\"`]*)", query)))
    bare = _TEXT.sub('""', query)
    named = {name for inside in _BRACES.findall(bare) for name in _MATCHER.findall(inside)}
    named |= set(re.findall(r"\|\s*(\w+)\s*(?:=~|!~|!=|=|>=|<=|>|<)", bare))
    named |= set(re.findall(r"\bunwrap (\w+)", bare))
    named |= {
        name.strip() for inside in _GROUPING.findall(bare) for name in inside.split(",") if name
    }
    return (named | set(templates)) - RECORD


def unknown_in_traceql(query: str) -> set[str]:
    """Attributes in a TraceQL that no span has."""
    bare = _TEXT.sub('""', query)
    spans = set(re.findall(r"\bspan\.([\w.]+)", bare))
    resources = set(re.findall(r"\bresource\.([\w.]+)", bare))
    rest = set(re.findall(r"(?<![\w.:])([a-zA-Z][\w:]*)(?![\w.:]*\()", bare))
    rest -= {"span", "resource"}
    return (spans - SPAN) | (resources - _SPAN_RESOURCE) | (rest - _INTRINSICS - _TRACE_WORDS)


UNKNOWN: Final = {
    "promql": unknown_in_promql,
    "logql": unknown_in_logql,
    "traceql": unknown_in_traceql,
}


def _words(text: str) -> set[str]:
    return set(_WORD.findall(re.sub(r"\[[^\]]*\]", "", text)))
