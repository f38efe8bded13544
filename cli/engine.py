"""Which engine runs the stack: processes of this machine, or containers."""

from __future__ import annotations

from enum import StrEnum

import typer

from cli.console import console, show_error
from stack.containers import Containers, runs_in_containers
from stack.record import as_running
from stack.settings import Settings
from stack.status import StackStatus, stack_status


class Engine(StrEnum):
    """What `--stack` takes."""

    NATIVE = "native"
    DOCKER = "docker"
    AUTO = "auto"


async def choose(settings: Settings, wanted: Engine) -> Engine:
    """Return NATIVE or DOCKER; says why where containers were wished for and cannot be had."""
    if wanted is Engine.NATIVE:
        return Engine.NATIVE
    obstacle = await Containers(settings).obstacle()
    if not obstacle:
        return Engine.DOCKER
    if wanted is Engine.DOCKER:
        show_error(f"{obstacle}; `gaugeway up` without --stack docker runs it natively")
        raise typer.Exit(1)
    console().print(f"[dim]native: {obstacle}[/]")
    return Engine.NATIVE


async def look(settings: Settings) -> StackStatus:
    """Return the status of the stack, however it runs."""
    if runs_in_containers(settings.home):
        return await Containers(as_running(settings)).status()
    return await stack_status(settings)
