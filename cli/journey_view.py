"""How one request's journey is shown: to a person, and as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from stack.journey import SIGNALS, Journey, Movement
from stack.observations import LogLine, Span

# What a person wants to see of a span, in this order; everything else is in Tempo.
_SHOWN_OF_SPANS = {
    "http.response.status_code": "status",
    "gen_ai.usage.input_tokens": "input",
    "gen_ai.usage.output_tokens": "output",
    "gaugeway.retry.count": "retries",
    "gaugeway.cost": "cost",
    "gaugeway.outcome": "outcome",
    "db.operation.name": "command",
    "error.type": "error",
}
_SHOWN_OF_LOGS = {
    "gen_ai_request_model": "model",
    "gen_ai_usage_input_tokens": "input",
    "gen_ai_usage_output_tokens": "output",
    "gaugeway_cost": "cost",
    "latency_ms": "latency_ms",
    "gaugeway_app": "app",
    "gaugeway_component": "component",
    "error_type": "error",
}
_SHOWN_OF_METRICS = ("gen_ai_request_model", "gaugeway_app", "gaugeway_component")


def show_journey(screen: Console, journey: Journey, links: Mapping[str, str]) -> None:
    """Print where the request went."""
    screen.rule("[bold]one request, seen everywhere[/]", align="left")
    screen.print(f"\ntrace id  [bold]{journey.answer.trace_id}[/]\n")
    for line in _tree(journey.spans):
        screen.print(line)
    screen.print("\n[bold]its log lines[/]")
    for line in journey.logs:
        screen.print(
            f"  {_clock(line)}  {escape(line.text)}  [dim]{_pairs(line.fields, _SHOWN_OF_LOGS)}[/]"
        )
    screen.print(f"\n[bold]its cost[/]\n  {journey.answer.cost} USD, as the answer says")
    screen.print(f"  {_movement(journey.cost)}")
    screen.print(f"\n[bold]the metric it moved[/]\n  {_movement(journey.metric)}")
    screen.print(f"  exemplar: {float(journey.exemplar['value']):.3f} s, with this trace id\n")
    screen.print("[bold]where to look, and how long after the answer it was there[/]")
    for signal in SIGNALS:
        seconds = journey.visible_after[signal]
        address = links[signal]
        shown = f"[link={address}]{_short(address)}[/link]" if screen.is_terminal else address
        screen.print(f"  {signal:<9}[green]{seconds:5.1f} s[/]  {shown}", soft_wrap=True)


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


def _tree(spans: tuple[Span, ...]) -> list[str]:
    """Return a line for each span, below its parent; one whose parent is unknown is a root."""
    known = {span.id for span in spans}
    began = min(span.start_ns for span in spans)
    children: dict[str, list[Span]] = {}
    for span in spans:
        children.setdefault(span.parent if span.parent in known else "", []).append(span)

    def below(parent: str, indent: str) -> Iterator[str]:
        for span in children.get(parent, []):
            last = span is children[parent][-1]
            root = not parent
            branch = "" if root else ("└─ " if last else "├─ ")
            yield f"[dim]{indent}{branch}[/]{_span_label(span, began)}"
            further = "" if root else ("   " if last else "│  ")
            yield from below(span.id, indent + further)

    return list(below("", "  "))


def _span_label(span: Span, began: int) -> str:
    colour = "red" if span.failed else "cyan"
    offset = (span.start_ns - began) / 1e6
    facts = _pairs(span.attributes, _SHOWN_OF_SPANS)
    return (
        f"[{colour}]{escape(span.name)}[/] {span.milliseconds:.1f} ms "
        f"[dim]at +{offset:.1f} ms  {span.kind.lower()}  {facts}[/]"
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


def _short(address: str) -> str:
    """Return what a terminal shows of an address that can be clicked whole."""
    return address.split("?", 1)[0]


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


def _pairs(values: Mapping[str, Any], shown: Mapping[str, str]) -> str:
    words = (f"{word}={values[key]}" for key, word in shown.items() if key in values)
    return escape("  ".join(words))


def _clock(line: LogLine) -> str:
    return datetime.fromtimestamp(line.time_ns / 1e9).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _iso(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat()
