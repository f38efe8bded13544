"""From names to binaries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stack.binaries.cache import Entry, entry_key
from stack.binaries.compile import compile_binary
from stack.binaries.components import COMPONENTS, Component
from stack.binaries.errors import BinaryError
from stack.binaries.progress import Progress, console_progress
from stack.binaries.settings import BuildSettings
from stack.binaries.toolchain import Toolchain, toolchain


@dataclass(frozen=True)
class Readiness:
    """Whether one component's binary is in the cache, for `doctor` and `status`."""

    component: Component
    path: Path
    usable: bool
    go: str


def ensure(
    names: Iterable[str],
    *,
    progress: Progress | None = None,
    settings: BuildSettings | None = None,
    components: tuple[Component, ...] = COMPONENTS,
) -> dict[str, Path]:
    """Return the binary of each named component, building those the cache lacks.

    Safe to call from several processes at once: each binary is built by one of them. Raises
    `ToolchainError` or `BuildError`, both `BinaryError`, with what to do.
    """
    settings = settings or BuildSettings.from_environment()
    places = [_place(component, settings) for component in _select(names, components)]
    missing = [place for place in places if not place.entry.usable()]
    if missing:
        progress = progress or console_progress()
        progress.planned(tuple(place.component for place in missing))
        for place in missing:
            _build(place, settings, progress)
    return {place.component.name: place.entry.binary for place in places}


def readiness(
    names: Iterable[str],
    *,
    thorough: bool = True,
    settings: BuildSettings | None = None,
    components: tuple[Component, ...] = COMPONENTS,
) -> list[Readiness]:
    """Report, building nothing, which binaries are in the cache and sound."""
    settings = settings or BuildSettings.from_environment()
    places = [_place(component, settings) for component in _select(names, components)]
    return [
        Readiness(
            component=place.component,
            path=place.entry.binary,
            usable=place.entry.usable(thorough=thorough),
            go=place.toolchain.version,
        )
        for place in places
    ]


@dataclass(frozen=True)
class _Place:
    component: Component
    toolchain: Toolchain
    entry: Entry


def _select(names: Iterable[str], components: tuple[Component, ...]) -> list[Component]:
    wanted = set(names)
    if unknown := wanted - {component.name for component in components}:
        known = ", ".join(component.name for component in components)
        raise BinaryError(f"no such component: {', '.join(sorted(unknown))}; there are {known}")
    return [component for component in components if component.name in wanted]


def _place(component: Component, settings: BuildSettings) -> _Place:
    go = toolchain(component, settings)
    entry = Entry(settings.cache, component, entry_key(component, go))
    return _Place(component, go, entry)


def _build(place: _Place, settings: BuildSettings, progress: Progress) -> None:
    component = place.component
    with place.entry.locked(waiting=lambda: progress.waiting(component)):
        # Whoever held the lock before may have built it.
        if not place.entry.usable():
            place.entry.store(
                lambda target: compile_binary(component, target, settings, progress),
                place.toolchain,
            )
    progress.finished(component)
