"""What this machine has and lacks for running a stack, and what to do about it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.binaries import COMPONENTS, BinaryError, BuildSettings, readiness
from stack.binaries.toolchain import needed_version, toolchain
from stack.components.component import Component
from stack.components.grafana import INSTALL as INSTALL_GRAFANA
from stack.components.grafana import find_grafana
from stack.components.redis import INSTALL as INSTALL_REDIS
from stack.components.redis import find_server, without_credentials
from stack.home import HomeError, private_directory
from stack.occupancy import taken_ports
from stack.plan import NEEDED_BINARIES, outlook
from stack.settings import Settings
from stack.strays import find_strays

_OLDEST_PYTHON = (3, 11)
_GIB = 1024**3
_HOME_BYTES = 2 * _GIB
# Sources and compiled packages of all components, in Go's own caches, with some room.
_BUILD_BYTES = 12 * _GIB
_COMMAND_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `ok` is whether it is as it should be; a lack of what is not `needed`
    stops nothing.
    """

    name: str
    ok: bool
    found: str
    advice: str = ""
    needed: bool = True


def examine(settings: Settings, *, running: bool) -> tuple[Finding, ...]:
    """Look at everything; `running` says that the stack is up and holds its ports rightly."""
    build = BuildSettings.from_environment(settings.inherited)
    cache = _cache(build)
    complete = all(finding.ok for finding in cache)
    checks: Iterable[Callable[[], Finding]] = (
        _python,
        lambda: _go(build, needed=not complete),
        lambda: _redis(settings),
        lambda: _home(settings),
        lambda: _disk("disk for data", settings.home.path, _HOME_BYTES),
        lambda: _disk("disk for builds", build.cache, _BUILD_BYTES, needed=not complete),
        lambda: _ports(settings, outlook(settings), running=running),
        _git,
        _docker,
        lambda: _grafana(settings),
    )
    return (*(check() for check in checks), *cache)


def _python() -> Finding:
    wanted = ".".join(map(str, _OLDEST_PYTHON))
    ok = sys.version_info >= _OLDEST_PYTHON
    return Finding("Python", ok, platform.python_version(), f"install Python {wanted} or newer")


def _go(build: BuildSettings, *, needed: bool) -> Finding:
    """Ask for the newest Go that any of the modules needs."""
    parts = [part for part in COMPONENTS if part.name in NEEDED_BINARIES]
    newest = max(parts, key=lambda part: _numbers(needed_version(part)))
    wanted = needed_version(newest)
    try:
        found = toolchain(newest, build).version.removeprefix("go")
    except BinaryError:
        advice = f"install Go {wanted} or newer (https://go.dev/doc/install), or set GAUGEWAY_GO"
        state = "not found, or too old" + ("" if needed else "; all binaries are built already")
        return Finding("Go", False, state, advice, needed=needed)
    return Finding("Go", True, f"{found} ({wanted} or newer is needed)", needed=needed)


def _redis(settings: Settings) -> Finding:
    if settings.redis_url:
        return Finding("Redis", True, f"REDIS_URL, {without_credentials(settings.redis_url)}")
    server = find_server(settings)
    if server is None:
        return Finding("Redis", False, "no redis-server", INSTALL_REDIS)
    version = re.search(r"v=(\S+)", _version((str(server), "--version")))
    return Finding("Redis", True, f"{version.group(1) if version else '?'} ({server})")


def _home(settings: Settings) -> Finding:
    path = settings.home.path
    advice = "set GAUGEWAY_HOME to a directory of your own"
    try:
        private_directory(path)
    except HomeError as error:
        return Finding("home", False, str(error), advice)
    return Finding("home", os.access(path, os.W_OK | os.X_OK), f"{path}, writable", advice)


def _disk(name: str, path: Path, wanted: int, *, needed: bool = True) -> Finding:
    existing = next(place for place in (path, *path.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    advice = f"free some: {wanted // _GIB} GiB are wanted at {existing}"
    return Finding(name, free >= wanted, f"{free / _GIB:.0f} GiB free", advice, needed=needed)


def _ports(settings: Settings, parts: tuple[Component, ...], *, running: bool) -> Finding:
    if running:
        return Finding("ports", True, "held by the running stack")
    taken = taken_ports(settings, parts)
    if not taken:
        return Finding("ports", True, "all free")
    left = tuple(f"(process {process.pid})" for process in find_strays(settings.home))
    foreign = tuple(port for port in taken if not port.holder.endswith(left))
    if not foreign:
        found = "held by what a stack without its manager left; `gaugeway up` takes them back"
        return Finding("ports", True, found)
    return Finding("ports", False, "; ".join(map(str, foreign)), "or stop what holds them")


def _git() -> Finding:
    found = _version(("git", "--version"))
    return Finding("git", bool(found), found or "not found", "install git", needed=False)


def _docker() -> Finding:
    client = shutil.which("docker")
    if client is None:
        return _optional("Docker", "", "not found: the native stack does without")
    server = _version((client, "version", "--format", "{{.Server.Version}}"))
    return _optional("Docker", server, "no engine answers: the native stack does without")


def _optional(name: str, found: str, otherwise: str) -> Finding:
    return Finding(name, bool(found), found or otherwise, needed=False)


def _grafana(settings: Settings) -> Finding:
    installation = find_grafana(settings)
    if installation is None:
        return Finding("Grafana", False, "not found", INSTALL_GRAFANA, needed=False)
    found = _version((installation.command[0], "-v")) or str(installation.home)
    return Finding("Grafana", True, found, needed=False)


def _cache(build: BuildSettings) -> list[Finding]:
    try:
        states = readiness(NEEDED_BINARIES, thorough=False, settings=build)
    except BinaryError as error:
        return [
            Finding("binaries", False, str(error).splitlines()[0], "see Go above", needed=False)
        ]
    # What is missing is built by the next `up`, which is no fault of the machine.
    return [
        Finding(
            state.component.name,
            state.usable,
            f"{state.component.version}, {'built' if state.usable else 'not built yet'}",
            "`gaugeway build`, or the next `gaugeway up`, builds it",
            needed=False,
        )
        for state in states
    ]


def _version(command: Sequence[str]) -> str:
    """Return the first line a command prints; empty if it cannot be run."""
    try:
        answer = subprocess.run(  # noqa: S603 - fixed commands, found on the user's PATH
            command, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = answer.stdout.strip().splitlines()
    return lines[0].strip() if answer.returncode == 0 and lines else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
