"""How a build tells a person what it does and how long it will take."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn
from rich.progress import Progress as RichProgress

from stack.binaries.components import Component

_LINE_EVERY_SECONDS = 15.0
_LINK_SHARE = 0.1


class Progress(Protocol):
    """Told of each step; called from one thread."""

    def planned(self, components: tuple[Component, ...]) -> None:
        """These will be built, in this order."""
        ...

    def waiting(self, component: Component) -> None:
        """Another process is building this one."""
        ...

    def fetching(self, component: Component, modules: int) -> None:
        """So many modules' sources have been fetched so far."""
        ...

    def started(self, component: Component, share: float) -> None:
        """This share of its packages is not in Go's own cache and will be compiled."""
        ...

    def compiling(self, component: Component, done: int, total: int) -> None:
        """So many of the packages that were not cached are compiled."""
        ...

    def finished(self, component: Component) -> None:
        """This one is in the cache."""
        ...


class Estimate:
    """How far the whole plan is, in seconds of a typical machine, scaled by what this one takes."""

    def __init__(self, components: tuple[Component, ...]):
        self._whole = {component.name: float(component.typical_seconds) for component in components}
        self._left = dict(self._whole)
        self._began = time.monotonic()

    def start(self, component: Component, share: float) -> None:
        """Take in that only a share of the packages is to be compiled; linking remains."""
        self._whole[component.name] = component.typical_seconds * max(share, _LINK_SHARE)
        self._left[component.name] = self._whole[component.name]

    def update(self, component: Component, done: int, total: int) -> None:
        """Take in that `done` of `total` packages are compiled (linking counts as one more)."""
        self._left[component.name] = self._whole[component.name] * (1 - done / (total + 1))

    def finish(self, component: Component) -> None:
        """Take in that nothing of this component is left."""
        self._left[component.name] = 0.0

    @property
    def fraction(self) -> float:
        """The part of the plan that is done."""
        return 1 - sum(self._left.values()) / (sum(self._whole.values()) or 1.0)

    @property
    def remaining(self) -> str:
        """The time left, as a person says it."""
        left, whole = sum(self._left.values()), sum(self._whole.values())
        # Too little done says nothing about this machine's speed yet.
        measured = whole - left > 0.05 * whole
        pace = (time.monotonic() - self._began) / (whole - left) if measured else 1.0
        seconds = left * pace
        return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


class LineProgress:
    """One line every so often, for logs and pipes."""

    def __init__(self, stream: TextIO, every_seconds: float = _LINE_EVERY_SECONDS):
        self._stream = stream
        self._every = every_seconds
        self._estimate = Estimate(())
        self._last = 0.0

    def planned(self, components: tuple[Component, ...]) -> None:
        """Say what will be built and about how long that takes."""
        self._estimate = Estimate(components)
        names = ", ".join(component.name for component in components)
        self._say(f"building {names}: about {self._estimate.remaining} on two cores, once")

    def waiting(self, component: Component) -> None:
        """Say that another process is at it."""
        self._say(f"{component.name}: waiting for another process that builds it")

    def fetching(self, component: Component, modules: int) -> None:
        """Say now and then how many modules were fetched."""
        self._say_now_and_then(f"{component.name}: fetching sources, {modules} modules")

    def started(self, component: Component, share: float) -> None:
        """Count only what is left to compile."""
        self._estimate.start(component, share)

    def compiling(self, component: Component, done: int, total: int) -> None:
        """Say now and then how far the plan is."""
        self._estimate.update(component, done, total)
        self._say_now_and_then(
            f"{component.name}: {done} of {total} packages; all in all "
            f"{self._estimate.fraction:.0%}, about {self._estimate.remaining} left"
        )

    def finished(self, component: Component) -> None:
        """Say that the component is built."""
        self._estimate.finish(component)
        self._say(f"{component.name} {component.version} built")

    def _say_now_and_then(self, text: str) -> None:
        if time.monotonic() - self._last >= self._every:
            self._say(text)

    def _say(self, text: str) -> None:
        self._last = time.monotonic()
        print(text, file=self._stream, flush=True)


class BarProgress:
    """A bar on a terminal."""

    def __init__(self, console: Console):
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
        )
        self._estimate = Estimate(())
        self._task: TaskID | None = None

    def planned(self, components: tuple[Component, ...]) -> None:
        """Show the bar; nothing is shown when there is nothing to build."""
        self._estimate = Estimate(components)
        self._task = self._bar.add_task("building", total=1.0, left="")
        self._bar.start()

    def waiting(self, component: Component) -> None:
        """Say that another process is at it."""
        self._show(f"{component.name}: another process builds it")

    def fetching(self, component: Component, modules: int) -> None:
        """Show how many modules were fetched."""
        self._show(f"{component.name}: fetching sources, {modules} modules")

    def started(self, component: Component, share: float) -> None:
        """Count only what is left to compile."""
        self._estimate.start(component, share)

    def compiling(self, component: Component, done: int, total: int) -> None:
        """Move the bar."""
        self._estimate.update(component, done, total)
        self._show(f"{component.name}: {done} of {total} packages")

    def finished(self, component: Component) -> None:
        """Move the bar, and leave it when the plan is done."""
        self._estimate.finish(component)
        self._show(f"{component.name} {component.version} built")
        if self._estimate.fraction >= 1:
            self._bar.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def _show(self, text: str) -> None:
        if self._task is not None:
            self._bar.update(
                self._task,
                description=text,
                completed=self._estimate.fraction,
                left=f"about {self._estimate.remaining} left",
            )


def console_progress(stream: TextIO | None = None) -> Progress:
    """Return a bar for a terminal and lines for everything else."""
    target = sys.stderr if stream is None else stream
    if target.isatty():
        return BarProgress(Console(file=target))
    return LineProgress(target)
