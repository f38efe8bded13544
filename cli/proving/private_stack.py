"""A stack of the proof's own: its home, its ports, its rules, its targets and budgets."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from cli.demo_keys import demo_keys
from stack.lifecycle import Stack
from stack.occupancy import is_free
from stack.ports import Ports, port_variable
from stack.settings import Settings, load
from stack.status import StackStatus

Json = dict[str, Any]
Rewrite = Callable[[Json], Json]
# Below what kernels hand out, above what services are usually found at.
_FIRST_PORT, _LAST_PORT = 20_000, 28_000
# Kept of whoever asks for the proof; all else of ours would change what is proven.
_KEPT = frozenset({"GAUGEWAY_CACHE", "GAUGEWAY_START_SECONDS"})
_OURS = ("OTEL_", "GAUGEWAY_", "REDIS_URL")


@dataclass(frozen=True, slots=True)
class PrivateStack:
    """A stack that is up. `keys` are the service's, by app."""

    settings: Settings
    stack: Stack
    keys: Mapping[str, str]

    @property
    def urls(self) -> Mapping[str, str]:
        """Return where its backends answer."""
        return {name: self.settings.url(name) for name in ("prometheus", "loki", "tempo")}


def private_settings(asking: Settings, folder: Path, environment: Mapping[str, str]) -> Settings:
    """Return settings of a stack below `folder`, on ports that nobody listens on at this moment."""
    own = {
        name: value
        for name, value in asking.inherited.items()
        if name in _KEPT or not name.startswith(_OURS)
    }
    ports = {port_variable(name): str(port) for name, port in _free_ports().items()}
    given = {**own, **ports, "GAUGEWAY_HOME": str(folder / "home"), **environment}
    return load(given, environment="dev")


@asynccontextmanager
async def running(
    settings: Settings, rewrite: Rewrite, *, every: str = ""
) -> AsyncGenerator[PrivateStack]:
    """Start a stack whose rules are those of the checkout, rewritten, and stop it at the end.

    `every`: how often Prometheus scrapes, where that is not as it is configured. Raises
    `stack.lifecycle.StartError`.
    """
    settings.home.path.mkdir(parents=True, exist_ok=True)
    checkout = settings.home.path.parent / "checkout"
    lay_out_checkout(settings.checkout, checkout, rewrite)
    if every:
        scrape_every(checkout / "backends" / "prometheus.yaml", every)
    own = replace(settings, checkout=checkout)
    stack = Stack(own)
    try:
        await stack.start(_Silent())
        yield PrivateStack(own, stack, demo_keys(own.home))
    finally:
        await stack.stop()


def lay_out_checkout(checkout: Path, place: Path, rewrite: Rewrite) -> None:
    """Make `place` the checkout again by links, but with copies of its rules, rewritten."""
    _link_all(checkout, place, without="backends")
    _link_all(checkout / "backends", place / "backends", without="rules", also_without="alerts")
    for name in ("rules", "alerts"):
        source = checkout / "backends" / name
        for file in source.rglob("*.yaml"):
            copied = place / "backends" / name / file.relative_to(source)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_text(yaml.safe_dump(rewrite(yaml.safe_load(file.read_text()))))


def scrape_every(link: Path, every: str) -> None:
    """Put a copy that scrapes and evaluates `every` so often in the place of a link to it."""
    configured = link.read_text()
    link.unlink()
    link.write_text(
        re.sub(r"(scrape|evaluation)_interval: \w+", rf"\1_interval: {every}", configured)
    )


def _link_all(source: Path, place: Path, *, without: str, also_without: str = "") -> None:
    place.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry.name not in {without, also_without, ".git"}:
            (place / entry.name).symlink_to(entry)


def _free_ports() -> dict[str, int]:
    candidates = list(range(_FIRST_PORT, _LAST_PORT))
    random.shuffle(candidates)
    free = (port for port in candidates if is_free(port))
    return {name: next(free) for name, _ in Ports()}


class _Silent:
    """Says nothing while a stack starts: a table follows."""

    def looked(self, status: StackStatus) -> None:
        """Take no notice."""
