"""`gaugeway logs`."""

from __future__ import annotations

import subprocess
from typing import Annotated

import typer

from cli.console import show_error
from stack.components.component import NAMES
from stack.containers import Containers, runs_in_containers
from stack.logs import follow, last_lines
from stack.record import as_running
from stack.settings import Settings, load


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
    settings = load()
    if runs_in_containers(settings.home):
        raise typer.Exit(_container_logs(settings, name, lines, keep_on=keep_on))
    path = settings.home.log(name)
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


def _container_logs(settings: Settings, name: str, lines: int, *, keep_on: bool) -> int:
    containers = Containers(as_running(settings))
    command = containers.logs_command(name, lines, keep_on=keep_on)
    try:
        return subprocess.run(command, env=containers.environment(), check=False).returncode  # noqa: S603 - our own arguments
    except KeyboardInterrupt:
        return 0
