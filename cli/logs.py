"""`gaugeway logs`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.console import show_error
from stack.components.component import NAMES
from stack.logs import follow, last_lines
from stack.settings import load


def logs(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.", metavar="NAME")],
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many.")] = 50,
    keep_on: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with lines as they come.")
    ] = False,
) -> None:
    """Show the last lines of a component's log."""
    if name not in NAMES:
        show_error(f"there is no component {name!r}; there are {', '.join(NAMES)}")
        raise typer.Exit(2)
    path = load().home.log(name)
    if not path.is_file() and not keep_on:
        show_error(f"{name} has written nothing yet ({path})")
        raise typer.Exit(1)
    for line in last_lines(path, lines):
        typer.echo(line)
    if keep_on:
        try:
            for line in follow(path):
                typer.echo(line)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
