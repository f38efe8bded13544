"""Starts the process manager in the background, in a session and an environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from stack.settings import Settings
from stack.strays import MARK

# What programs commonly need from whoever starts them. The rest of the operator's environment may
# hold provider keys, so only the service gets it.
_PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GOMAXPROCS",
    "GOMEMLIMIT",
)
# Its output repeats what every part writes, and each part has a log of its own.
_IN_BACKGROUND = '"$@" >/dev/null 2>"$0" & echo $!'


def launch(manager: Path, settings: Settings) -> int:
    """Start process-compose on the project file and return its process id; it outlives the caller.

    A shell starts it and ends, so that it is nobody's child and nobody has to wait for it.
    """
    home = settings.home
    command = (
        *("/bin/sh", "-c", _IN_BACKGROUND, str(home.log("process-compose.out"))),
        *(str(manager), "up"),
        *("--config", str(home.project)),
        "--tui=false",
        # It stays when parts have died, so that `status` can say which and why.
        "--keep-project",
        "--disable-dotenv",
        "--use-uds",
        *("--unix-socket", str(home.socket)),
        *("--log-file", str(home.log("process-compose"))),
    )
    shell = subprocess.run(  # noqa: S603 - our own binary, our own arguments
        command,
        cwd=home.path,
        env=_environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        check=True,
    )
    return int(shell.stdout)


def _environment(settings: Settings) -> dict[str, str]:
    inherited = settings.inherited
    passed_on = {name: inherited[name] for name in _PASSED_ON if name in inherited}
    return {"PATH": "/usr/bin:/bin", **passed_on, MARK: str(settings.home.path)}
