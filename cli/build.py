"""`gaugeway build`."""

from __future__ import annotations

from typing import Annotated

import typer

from stack.binaries import COMPONENTS, ensure


def build(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which; all when none is named.", metavar="[NAME]…")
    ] = None,
) -> None:
    """Build the components' binaries into the cache, those that are not there yet."""
    for name, path in ensure(names or [component.name for component in COMPONENTS]).items():
        typer.echo(f"{name}\t{path}")
