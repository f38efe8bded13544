"""The `gaugeway` command: each group of commands in a file of its own."""

from __future__ import annotations

import errno
import sys
from typing import Final

import typer

from cli.build import build
from cli.console import show_error
from cli.demo import demo
from cli.doctor import doctor
from cli.export import export
from cli.keys import keys
from cli.logs import logs
from cli.prices import prices
from cli.profile import profile
from cli.prove import prove
from cli.running import down, up
from cli.status import status
from cli.top import top
from service.key_file import KeysError
from stack.binaries import BinaryError
from stack.containers import ContainersError
from stack.home import HomeError
from stack.settings import SettingsError

_HELP = """Make an LLM application observable with OpenTelemetry and the Grafana stack.

`gaugeway up` starts the service with a real Collector, Prometheus, Loki, Tempo and Alertmanager on
this machine; `gaugeway demo` sends a minute of traffic and follows one request through all of them.
"""

app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_MAY_NOT: Final = "Give this user the right to do that, or set GAUGEWAY_HOME to another place."
_REMEDIES: Final = {
    errno.ENOSPC: "Free space on that disk and try again.",
    errno.EDQUOT: "Free space within the quota and try again.",
    errno.EROFS: _MAY_NOT,
    errno.EACCES: _MAY_NOT,
    errno.EPERM: _MAY_NOT,
    errno.EIO: "The disk fails: look into the kernel's log.",
    errno.EMFILE: "Raise the limit of open files (`ulimit -n`) and try again.",
}

_RUN = "Run"
_LOOK = "Look"
_PREPARE = "Prepare"

app.command(rich_help_panel=_RUN)(up)
app.command(rich_help_panel=_RUN)(down)
app.command(rich_help_panel=_LOOK)(status)
app.command(rich_help_panel=_LOOK)(top)
app.command(rich_help_panel=_LOOK)(logs)
app.command(rich_help_panel=_LOOK)(demo)
app.command(rich_help_panel=_LOOK)(profile)
app.command(rich_help_panel=_LOOK)(prove)
app.command(rich_help_panel=_LOOK)(export)
app.add_typer(prices, name="prices", rich_help_panel=_LOOK)
app.command(rich_help_panel=_PREPARE)(doctor)
app.command(rich_help_panel=_PREPARE)(build)
app.add_typer(keys, name="keys", rich_help_panel=_PREPARE)


def main() -> None:
    """Run the command line; what a person can put right is one message, not a traceback."""
    try:
        app(prog_name="gaugeway")
    except (SettingsError, HomeError, BinaryError, ContainersError, KeysError) as error:
        show_error(str(error))
        sys.exit(1)
    except OSError as error:
        # Of the machine, not of ours: a disk that is full, a right that is missing.
        remedy = _REMEDIES.get(error.errno or 0)
        if remedy is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        show_error(f"{where}{error.strerror}. {remedy}")
        sys.exit(1)
