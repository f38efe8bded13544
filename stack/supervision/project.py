"""The process manager's configuration, rendered from the plan.

Programs are started without a shell, and the file holds no secret: what a part must keep private
goes into an environment file beside it, which a two-line shell reads before it becomes the part.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stack.components.component import Component, Process
from stack.home import Home, write_private

_RESTARTS = 3
_RESTART_DELAY_SECONDS = 2
_LOG_MEGABYTES = 20
_LOG_FILES_KEPT = 3
_WITH_PRIVATE_ENVIRONMENT = 'set -a; . "$0"; set +a; exec "$@"'
# The shell's own; it refuses to have them set.
_SHELL_OWNED = frozenset({"UID", "EUID", "PPID", "SHELLOPTS", "BASHOPTS", "BASH_VERSINFO", "_"})


def write_project(home: Home, parts: tuple[Component, ...]) -> Path:
    """Write the configuration and the environment files; returns the configuration's path."""
    for part in parts:
        if part.process is not None and part.process.private_environment:
            lines = _assignments(part.process.private_environment)
            write_private(environment_file(home, part.name), lines)
    return write_private(home.project, yaml.safe_dump(project(home, parts), sort_keys=False))


def project(home: Home, parts: tuple[Component, ...]) -> dict[str, Any]:
    """Return the configuration as process-compose reads it."""
    managed = {part.name: part.process for part in parts if part.process is not None}
    return {
        "version": "0.5",
        "name": "gaugeway",
        "is_strict": True,
        # Values are meant as they stand here.
        "disable_env_expansion": True,
        # A part stops before what it depends on, so that nothing it still has to say is lost.
        "ordered_shutdown": True,
        "processes": {
            name: _process(home, name, process, frozenset(managed))
            for name, process in managed.items()
        },
    }


def environment_file(home: Home, name: str) -> Path:
    """Return the file that holds the private environment of the part called `name`."""
    return home.run / f"{name}.env"


def _process(home: Home, name: str, process: Process, managed: frozenset[str]) -> dict[str, Any]:
    command = list(process.command)
    if process.private_environment:
        file = str(environment_file(home, name))
        command = ["/bin/sh", "-c", _WITH_PRIVATE_ENVIRONMENT, file, *command]
    return {
        "entrypoint": command,
        "working_dir": _literal(str(process.directory)),
        "environment": [_literal(f"{key}={value}") for key, value in process.environment.items()],
        "depends_on": {
            other: {"condition": "process_started"} for other in process.after if other in managed
        },
        "availability": {
            "restart": "on_failure",
            "max_restarts": _RESTARTS,
            "backoff_seconds": _RESTART_DELAY_SECONDS,
        },
        "shutdown": {
            "signal": 15,
            "timeout_seconds": process.stop_seconds,
            # A part that has workers tells them itself, in its own order.
            "parent_only": True,
        },
        "log_location": _literal(str(home.log(name))),
        "log_configuration": {
            "disable_json": True,
            "no_metadata": True,
            "no_color": True,
            "flush_each_line": True,
            "fields_order": ["message"],
            "rotation": {"max_size_mb": _LOG_MEGABYTES, "max_backups": _LOG_FILES_KEPT},
        },
    }


def _literal(text: str) -> str:
    """Keep process-compose's templates from reading anything into `text`."""
    return text.replace("{{", '{{"{{"}}')


def _assignments(environment: Mapping[str, str]) -> str:
    return "".join(
        f"{name}={shlex.quote(value)}\n"
        for name, value in environment.items()
        if name.isidentifier() and name.isascii() and name not in _SHELL_OWNED
    )
