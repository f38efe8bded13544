"""How the command speaks: one console for people, plain text for programs."""

from __future__ import annotations

import json
from typing import Any

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from stack.status import ComponentStatus, StackStatus

# More columns than any table needs.
_WIDEST = 10_000
# Some components write whole documents on one line; `gaugeway logs` shows them in full.
_LONGEST_LINE = 300


def console() -> Console:
    """Return a console on standard output, made when needed so that redirection holds."""
    return Console(highlight=False, soft_wrap=True)


def print_whole(table: Table) -> None:
    """Print a table without cutting a cell: lines that are too long wrap, or reach beyond a pipe's.

    For what is copied out of it, such as ids.
    """
    screen = console()
    needed = Measurement.get(screen, screen.options.update(width=_WIDEST), table).maximum
    if needed > screen.width:
        table.width = needed
    screen.print(table)


def show_error(message: str) -> None:
    """Say on standard error what is wrong."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        f"[bold red]error[/] {escape(message)}"
    )


def show_json(document: dict[str, Any]) -> None:
    """Print one JSON object and nothing else."""
    typer.echo(json.dumps(document, indent=2))


def status_view(status: StackStatus, *, starting: bool = False) -> RenderableType:
    """Return a row for each part, and below them what to do about those that are not ready.

    While a stack is `starting`, what is not ready yet is no fault.
    """
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("", "component", "version", "url"):
        table.add_column(heading, no_wrap=True)
    for part in status.components:
        external = " [dim](external)[/]" if part.origin == "external" else ""
        table.add_row(
            _mark(part, starting=starting),
            part.name + external,
            part.version or "-",
            part.url or "-",
        )
    return Group(table, *(() if starting else _notes(status)))


def show_failed(parts: tuple[ComponentStatus, ...]) -> None:
    """Name each part that failed, with the last things it said."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    for part in parts:
        errors.print(f"[bold red]✗ {part.name}[/] {escape(part.hint)}")
        for line in part.log_lines:
            errors.print(f"    [dim]{escape(_shortened(line))}[/]")


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"


def _mark(part: ComponentStatus, *, starting: bool) -> str:
    if part.ready is None:
        return "[dim]○[/]"
    if starting and not part.ready and not part.dead:
        return "[yellow]◌[/]"
    return "[green]●[/]" if part.ready else "[red]●[/]"


def _notes(status: StackStatus) -> list[Text]:
    if status.left_behind:
        orphans = (
            f"\nits manager is gone, {status.left_behind} of its processes run on: "
            "`gaugeway up` starts it anew, `gaugeway down` ends them"
        )
        return [Text(orphans, style="yellow")]
    if not status.up:
        return [Text("\nnot running: gaugeway up", style="yellow")]
    return [
        Text(f"{part.name}: {part.hint}", style="dim" if part.ready is None else "yellow")
        for part in status.components
        if part.hint
    ]
