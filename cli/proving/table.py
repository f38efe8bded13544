"""The proof as a table for people."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cli.proving.finding import Finding, Proof, totals

_COLOURS = {"proven": "green", "excused": "yellow", "failed": "red", "not proven": "red"}
_COUNTED = ("proven", "excused", "failed", "not proven")


def proof_view(proof: Proof) -> RenderableType:
    """Return a row for each kind and place, every alert, and below them what is not proven."""
    parts: list[RenderableType] = [_summary(proof)]
    alerts = [finding for finding in proof.findings if finding.kind == "alert"]
    if alerts:
        parts += [Text(), _listed("alerts", alerts)]
    notable = [
        finding
        for finding in proof.findings
        if finding.outcome != "proven" and finding.kind != "alert"
    ]
    if notable:
        parts += [Text(), _listed("not proven, or excused", notable)]
    verdict = "everything is proven" if proof.good else "not everything is proven"
    colour = "green" if proof.good else "red"
    return Group(*parts, Text(f"\n{verdict} ({proof.seconds:.0f} s)", style=colour))


def _summary(proof: Proof) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("what", "where", "all", *_COUNTED):
        table.add_column(heading, justify="left" if heading in {"what", "where"} else "right")
    for (kind, place), counts in totals(proof.findings).items():
        cells = [_coloured(name, counts[name]) for name in _COUNTED]
        table.add_row(kind, place, str(counts["all"]), *cells)
    return table


def _listed(heading: str, findings: Iterable[Finding]) -> Table:
    table = Table(
        box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), title_justify="left"
    )
    for column in ("", heading, "where"):
        table.add_column(column, no_wrap=True)
    table.add_column("how", overflow="fold", min_width=24)
    for finding in findings:
        colour = _COLOURS[finding.outcome]
        table.add_row(
            f"[{colour}]{finding.outcome}[/]",
            f"{finding.kind} {escape(finding.name)}",
            finding.place,
            escape(finding.how),
        )
    return table


def _coloured(outcome: str, count: int) -> str:
    return f"[{_COLOURS[outcome]}]{count}[/]" if count else "[dim]0[/]"
