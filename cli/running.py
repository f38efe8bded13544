"""`gaugeway up` and `gaugeway down`."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape

from cli.console import console, show_error, show_failed, status_view
from cli.engine import Engine, choose
from cli.operations_page import operations_page
from stack.containers import Containers, ContainersError, runs_in_containers
from stack.lifecycle import (
    ComponentsFailedError,
    PortsTakenError,
    Stack,
    Started,
    StartError,
)
from stack.plan import GRAFANA_LOGIN
from stack.record import as_running
from stack.settings import Settings, load
from stack.status import ComponentStatus, StackStatus


def up(
    *,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return once everything is ready.")
    ] = False,
    env: Annotated[
        str | None,
        typer.Option(
            "--env",
            help="dev, staging or prod: which of the Collector's configurations. "
            "staging and prod take telemetry over TLS with a token.",
            metavar="ENV",
        ),
    ] = None,
    stack: Annotated[
        Engine,
        typer.Option(
            "--stack",
            help="native, docker, or auto: containers where Docker's engine, compose and every "
            "image answer, else native.",
        ),
    ] = Engine.NATIVE,
) -> None:
    """Start the service and everything it reports to.

    Missing binaries are built first, once. Without **--detach** it stays in the foreground and
    Ctrl-C stops the stack.
    """
    settings = load(environment=env)
    try:
        code = asyncio.run(_up(settings, stack, detach=detach))
    except KeyboardInterrupt:
        code = 130
    raise typer.Exit(code)


def down() -> None:
    """Stop the stack, the service first, so that what it measured is kept."""
    settings = load()
    was_running = asyncio.run(_stop(settings))
    console().print(
        f"[green]stopped[/]; data and logs stay in {settings.home.path}"
        if was_running
        else f"nothing is running in {settings.home.path}"
    )


async def _stop(settings: Settings) -> bool:
    if runs_in_containers(settings.home):
        return await Containers(as_running(settings)).stop()
    return await Stack(settings).stop()


async def _up(settings: Settings, engine: Engine, *, detach: bool) -> int:
    if await choose(settings, engine) is Engine.DOCKER:
        return await _up_in_containers(settings, detach=detach)
    stack = Stack(settings)
    try:
        started = await _start(stack)
    except ComponentsFailedError as error:
        show_failed(error.failed)
        show_error(f"{error}; everything else was stopped again, logs are in {settings.home.logs}")
        return 1
    except PortsTakenError as error:
        for port in error.taken:
            show_error(str(port))
        return 1
    except StartError as error:
        show_error(str(error))
        return 1
    _report(settings, started, detach=detach)
    if detach:
        return 0
    return await _stay(stack)


async def _up_in_containers(settings: Settings, *, detach: bool) -> int:
    containers = Containers(settings)
    try:
        with console().status("starting containers …"):
            seconds = await containers.start()
    except ContainersError as error:
        show_failed(tuple(part for part in (await containers.status()).components if part.dead))
        show_error(str(error))
        return 1
    _report(settings, Started(False, seconds, await containers.status()), detach=True)
    if not detach:
        console().print("[dim]containers run on by themselves; `gaugeway down` stops them[/]")
    return 0


async def _start(stack: Stack) -> Started:
    screen = console()
    if not screen.is_terminal:
        return await stack.start(_Lines())
    table = _Table(screen)
    try:
        return await stack.start(table)
    finally:
        table.close()


def _report(settings: Settings, started: Started, *, detach: bool) -> None:
    screen = console()
    screen.print(status_view(started.status))
    screen.print()
    if started.already_up:
        screen.print(
            "[green]already up[/], with the settings that it was started with; others count after "
            "`gaugeway down` and `gaugeway up`"
        )
    else:
        screen.print(f"[green]up[/] in {started.seconds:.1f} s ({settings.environment})")
    if _has_grafana(started) and settings.secured:
        password = settings.home.secrets / GRAFANA_LOGIN
        screen.print(f"Grafana: user admin, password in {password}")
    screen.print(escape(operations_page(settings)))
    screen.print("next: [bold]gaugeway demo[/] follows one request through it")
    if not detach:
        screen.print("[dim]Ctrl-C stops it[/]")


def _has_grafana(started: Started) -> bool:
    return any(part.name == "grafana" and part.ready for part in started.status.components)


async def _stay(stack: Stack) -> int:
    """Watch until asked to stop; returns 1 if a part has died meanwhile."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked.set)
    mourner = _Mourner()
    watching = asyncio.create_task(stack.watch(mourner))
    asking = asyncio.create_task(asked.wait())
    await asyncio.wait({watching, asking}, return_when=asyncio.FIRST_COMPLETED)
    watching.cancel()
    asking.cancel()
    if asked.is_set():
        console().print("stopping …")
        await stack.stop()
        console().print("[green]stopped[/]")
    else:
        console().print("the stack was stopped from elsewhere")
    return 1 if mourner.dead else 0


class _Table:
    """Redraws the table while parts come up; begins once there is something to show.

    Until then the terminal belongs to the progress of a build.
    """

    def __init__(self, screen: Console):
        self._live = Live(console=screen, transient=True, refresh_per_second=8)
        self._started = False

    def looked(self, status: StackStatus) -> None:
        if not self._started:
            self._live.start()
            self._started = True
        self._live.update(status_view(status, starting=True))

    def close(self) -> None:
        if self._started:
            self._live.stop()


class _Lines:
    """Prints a line for each part that becomes ready: for logs and pipes."""

    def __init__(self) -> None:
        self._ready: set[str] = set()

    def looked(self, status: StackStatus) -> None:
        for part in status.components:
            if part.ready and part.name not in self._ready:
                self._ready.add(part.name)
                console().print(f"{part.name} ready {part.version} {part.url}")


class _Mourner:
    """Names a part that dies, once, with its last lines."""

    def __init__(self) -> None:
        self.dead: set[str] = set()

    def looked(self, status: StackStatus) -> None:
        fresh = tuple(part for part in status.components if self._new(part))
        show_failed(fresh)
        self.dead |= {part.name for part in fresh}

    def _new(self, part: ComponentStatus) -> bool:
        return part.dead and part.name not in self.dead
