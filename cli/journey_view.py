"""How one request's journey is shown: to a person, and as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from stack.journey import SIGNALS, Journey, Movement
from stack.observations import LogLine, Span

# What a person wants to see of a span, in this order; everything else is in Tempo.
_SHOWN_OF_SPANS = (
    "http.response.status_code",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gaugeway.retry.count",
    "gaugeway.cost",
    "gaugeway.outcome",
    "db.operation.name",
    "error.type",
)
_SHOWN_OF_LOGS = (
    "gen_ai_request_model",
    "gen_ai_usage_input_tokens",
    "gen_ai_usage_output_tokens",
    "gaugeway_cost",
    "latency_ms",
    "gaugeway_app",
    "gaugeway_component",
    "error_type",
)
_SHOWN_OF_METRICS = ("gen_ai_request_model", "gaugeway_app", "gaugeway_component")


def show_journey(screen: Console, journey: Journey, links: Mapping[str, str]) -> None:
    """Print where the request went."""
    screen.rule("[bold]one request, seen everywhere[/]", align="left")
    screen.print(f"\ntrace id  [bold]{journey.answer.trace_id}[/]\n")
    for tree in _trees(journey.spans):
        screen.print(tree)
    screen.print("\n[bold]its log lines[/]")
    for line in journey.logs:
        screen.print(f"  {_clock(line)}  {escape(line.text)}  [dim]{_pairs(_of_log(line))}[/]")
    screen.print(f"\n[bold]its cost[/]\n  {journey.answer.cost} USD, as the answer says")
    screen.print(f"  {_movement(journey.cost)}")
    screen.print(f"\n[bold]the metric it moved[/]\n  {_movement(journey.metric)}")
    screen.print(f"  exemplar: {float(journey.exemplar['value']):.3f} s, with this trace id\n")
    screen.print("[bold]where to look, and how long after the answer it was there[/]")
    for signal in SIGNALS:
        seconds = journey.visible_after[signal]
        screen.print(f"  {signal:<9}[green]{seconds:5.1f} s[/]  {escape(links[signal])}")


def journey_document(journey: Journey, links: Mapping[str, str]) -> dict[str, Any]:
    """Return the same as data. Amounts are decimal strings in USD, times are as they are named."""
    return {
        "trace_id": journey.answer.trace_id,
        "links": dict(links),
        "visible_after_s": {
            signal: round(seconds, 3) for signal, seconds in journey.visible_after.items()
        },
        "spans": [_span_document(span) for span in journey.spans],
        "logs": [
            {
                "time": _iso(line.time_ns),
                "text": line.text,
                "fields": dict(line.fields),
            }
            for line in journey.logs
        ],
        "cost": {"usd": journey.answer.cost, **_movement_document(journey.cost)},
        "metric": _movement_document(journey.metric),
        "exemplar": {
            "trace_id": journey.exemplar["labels"]["trace_id"],
            "value": float(journey.exemplar["value"]),
        },
    }


def _trees(spans: tuple[Span, ...]) -> list[Tree]:
    known = {span.id for span in spans}
    began = min(span.start_ns for span in spans)
    branches: dict[str, Tree] = {}
    roots: list[Tree] = []
    for span in spans:
        label = _span_label(span, began)
        if span.parent in known and span.parent in branches:
            branches[span.id] = branches[span.parent].add(label)
        else:
            branches[span.id] = Tree(label, guide_style="dim")
            roots.append(branches[span.id])
    return roots


def _span_label(span: Span, began: int) -> str:
    colour = "red" if span.failed else "cyan"
    offset = (span.start_ns - began) / 1e6
    shown = {key: span.attributes[key] for key in _SHOWN_OF_SPANS if key in span.attributes}
    return (
        f"[{colour}]{escape(span.name)}[/] {span.milliseconds:.1f} ms "
        f"[dim]at +{offset:.1f} ms  {span.kind.lower()}  {_pairs(shown)}[/]"
    )


def _span_document(span: Span) -> dict[str, Any]:
    return {
        "id": span.id,
        "parent": span.parent,
        "name": span.name,
        "kind": span.kind,
        "service": span.service,
        "start": _iso(span.start_ns),
        "duration_ms": round(span.milliseconds, 3),
        "failed": span.failed,
        "attributes": dict(span.attributes),
    }


def _movement(movement: Movement) -> str:
    labels = ", ".join(
        f'{name}="{movement.labels[name]}"' for name in _SHOWN_OF_METRICS if name in movement.labels
    )
    change = f"{movement.before:.10g} → {movement.after:.10g}"
    return f"{movement.name}[dim]{{{escape(labels)}}}[/]  {change}"


def _movement_document(movement: Movement) -> dict[str, Any]:
    return {
        "metric": movement.name,
        "labels": dict(movement.labels),
        "before": movement.before,
        "after": movement.after,
    }


def _of_log(line: LogLine) -> dict[str, str]:
    return {key: line.fields[key] for key in _SHOWN_OF_LOGS if key in line.fields}


def _pairs(values: Mapping[str, Any]) -> str:
    """Write the last word of each name with its value: `cost=0.0000456`."""
    words = (
        f"{key.rpartition('.')[2].removeprefix('gaugeway_')}={value}"
        for key, value in values.items()
    )
    return escape("  ".join(words))


def _clock(line: LogLine) -> str:
    return datetime.fromtimestamp(line.time_ns / 1e9).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _iso(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat()
