"""`gaugeway profile`."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from cli.console import console, show_error
from stack.containers import runs_in_containers
from stack.service_processes import Worker, workers
from stack.settings import Settings, load
from stack.supervision.client import SupervisorClient, SupervisorError

_PROGRAM: Final = "py-spy"
_MISSING: Final = (
    "py-spy is neither in this environment nor on the PATH: `pip install py-spy`, "
    "or put it on the PATH"
)
_IN_CONTAINERS: Final = (
    "the service runs in a container, which has no py-spy; on its host, as root: "
    'py-spy record --subprocesses --duration 30 --output profile.svg --pid "$(docker inspect '
    '--format \'{{.State.Pid}}\' "$(docker compose ps --quiet service)")"'
)


def profile(
    *,
    seconds: Annotated[
        int, typer.Option("--seconds", "-s", min=1, max=3600, help="How long to watch.")
    ] = 30,
    pid: Annotated[
        int | None,
        typer.Option("--pid", min=1, help="Which process; by default the busiest worker."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where the SVG goes.", dir_okay=False),
    ] = None,
    dump: Annotated[
        bool, typer.Option("--dump", help="Only print where each thread is now.")
    ] = False,
    which: Annotated[
        bool, typer.Option("--list", help="Only list the workers with CPU time and memory.")
    ] = False,
) -> None:
    """Write a flame graph of a worker of the running service: where its time goes.

    py-spy looks from outside: the service is neither changed nor restarted.
    """
    if which:
        console().print(_table(_workers(load())))
        return
    program = _find()
    if program is None:
        show_error(_MISSING)
        raise typer.Exit(1)
    watched = pid or _workers(load())[0].pid
    if dump:
        raise typer.Exit(_run(program, "dump", watched))
    file = output or Path(f"gaugeway-profile-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{watched}.svg")
    console().print(f"watching process {watched} for {seconds} s …")
    form = ("--format", "flamegraph", "--output", str(file), "--duration", str(seconds))
    code = _run(program, "record", watched, *form)
    if code == 0:
        console().print(f"[green]written[/] {file}; open it in a browser")
    raise typer.Exit(code)


def _workers(settings: Settings) -> tuple[Worker, ...]:
    """The running service's workers, at least one; ends the command where there is none."""
    if runs_in_containers(settings.home):
        show_error(_IN_CONTAINERS)
        raise typer.Exit(1)
    try:
        states = asyncio.run(SupervisorClient(settings.home.socket).states())
    except SupervisorError as error:
        show_error(f"{error} A service that was started otherwise is named with --pid.")
        raise typer.Exit(1) from None
    service = states.get("service")
    found = workers(service.pid) if service is not None and service.running else ()
    if not found:
        show_error("the service does not run; `gaugeway status` says why")
        raise typer.Exit(1)
    return found


def _table(found: tuple[Worker, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("pid", "CPU seconds", "MiB"):
        table.add_column(heading, justify="right")
    for worker in found:
        memory = f"{worker.memory_bytes / 2**20:.0f}"
        table.add_row(str(worker.pid), f"{worker.cpu_seconds:.1f}", memory)
    return table


def _find() -> str | None:
    """Return where py-spy is: beside the Python that runs us, else on the PATH."""
    beside = shutil.which(_PROGRAM, path=str(Path(sys.executable).parent))
    return beside or shutil.which(_PROGRAM)


def _run(program: str, action: str, pid: int, *options: str) -> int:
    """Run py-spy on a process and return its exit code; it says itself what is wrong."""
    command = (program, action, "--pid", str(pid), *options)
    code = subprocess.run(command, check=False).returncode  # noqa: S603 - our own arguments
    if code != 0:
        # Only root may look into another user's process, and in some containers nobody may.
        show_error(
            f"py-spy ended with {code}; where it lacks the right to look, run as root: "
            f'sudo env "PATH=$PATH" gaugeway profile --pid {pid}'
        )
    return code
