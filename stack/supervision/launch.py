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


def launch(manager: Path, settings: Settings) -> subprocess.Popen[bytes]:
    """Start process-compose on the project file; it outlives the caller."""
    home = settings.home
    command = (
        str(manager),
        "up",
        *("--config", str(home.project)),
        "--tui=false",
        # It stays when parts have died, so that `status` can say which and why.
        "--keep-project",
        "--disable-dotenv",
        "--use-uds",
        *("--unix-socket", str(home.socket)),
        *("--log-file", str(home.log("process-compose"))),
    )
    with home.log("process-compose.out").open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own binary, our own arguments
            command,
            cwd=home.path,
            env=_environment(settings),
            stdin=subprocess.DEVNULL,
            # It repeats there what every part writes; each part has a log of its own.
            stdout=subprocess.DEVNULL,
            stderr=output,
            start_new_session=True,
        )


def _environment(settings: Settings) -> dict[str, str]:
    inherited = settings.inherited
    passed_on = {name: inherited[name] for name in _PASSED_ON if name in inherited}
    return {"PATH": "/usr/bin:/bin", **passed_on, MARK: str(settings.home.path)}
