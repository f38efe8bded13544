"""The prices that targets state themselves, for the command: no credential is needed for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import typer

from cli.console import show_error
from service.targets import DEFAULT_PATH, Prices, TargetsError, stated_prices


def prices_of_targets(path: Path | None, base_url: str | None) -> Mapping[tuple[str, str], Prices]:
    """By provider and model, of this file or the shipped one; a bad file ends the command.

    Who names an address asks about that address, not about a target: there are none then.
    """
    if base_url is not None:
        return {}
    try:
        return stated_prices(path or DEFAULT_PATH)
    except TargetsError as error:
        show_error(str(error))
        raise typer.Exit(1) from None
