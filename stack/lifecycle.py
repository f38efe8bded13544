"""Starting a stack, watching it, stopping it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from stack.binaries import ensure
from stack.components.alerting import AlertingError
from stack.components.component import Component
from stack.home import Home
from stack.occupancy import TakenPort, taken_ports
from stack.plan import (
    MANAGER,
    NEEDED_BINARIES,
    Credentials,
    lay_out,
    make_credentials,
    outlook,
    plan,
)
from stack.record import Record, as_running, write_record
from stack.settings import Settings
from stack.status import ComponentStatus, StackStatus, stack_status
from stack.strays import end_strays
from stack.supervision.client import SupervisorClient, SupervisorError
from stack.supervision.launch import launch
from stack.supervision.project import write_project

_POLL_SECONDS = 0.25
# All stop bounds of one chain (service, Collector, backends), and some air.
_STOP_SECONDS = 70.0
_MANAGER_SECONDS = 10.0


class StartError(RuntimeError):
    """A stack could not be started; the message says why and what to do."""


class PortsTakenError(StartError):
    """Somebody else listens where the stack would."""

    def __init__(self, taken: tuple[TakenPort, ...]):
        self.taken = taken
        super().__init__("\n".join(str(port) for port in taken))


class ComponentsFailedError(StartError):
    """Parts died, or did not become ready in time; carries each one's status and last lines."""

    def __init__(self, failed: tuple[ComponentStatus, ...], seconds: float):
        self.failed = failed
        names = ", ".join(part.name for part in failed)
        died = all(part.dead for part in failed)
        how = "ended while starting" if died else f"not ready after {seconds:.0f} s"
        super().__init__(f"{names}: {how}")


class Watcher(Protocol):
    """Told of progress while a stack starts or stops."""

    def looked(self, status: StackStatus) -> None:
        """This is how the stack is now."""
        ...


@dataclass(frozen=True, slots=True)
class Started:
    """How a start went: whether it was up before, how long it took, what stands."""

    already_up: bool
    seconds: float
    status: StackStatus


Binaries = Callable[[Iterable[str]], Mapping[str, Path]]
Planner = Callable[[Settings, Mapping[str, Path], Credentials], tuple[Component, ...]]
Outlook = Callable[[Settings], tuple[Component, ...]]


class Stack:
    """One stack, known by its home.

    `planner` decides its parts for a start, `outlook` the same parts for looking at it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        binaries: Binaries = ensure,
        planner: Planner = plan,
        outlook: Outlook = outlook,
    ):
        self._settings = settings
        self._binaries = binaries
        self._planner = planner
        self._outlook = outlook
        self._client = SupervisorClient(settings.home.socket)

    async def start(self, watcher: Watcher) -> Started:
        """Start what is not running and wait until every part is ready; raises `StartError`.

        After a failed start nothing of it is left running; its logs are kept.
        """
        began = time.monotonic()
        self._settings.home.prepare()
        with _only_one(self._settings.home):
            already_up = await self._client.alive()
            if already_up:
                await self._resume()
            else:
                await self._launch()
            try:
                status = await self._until_ready(watcher)
            except BaseException:
                # Also when interrupted: a half-started stack is of no use to anybody.
                if not already_up:
                    await self.stop()
                raise
        return Started(already_up, time.monotonic() - began, status)

    async def stop(self) -> bool:
        """Stop everything, in order and within bounds; returns whether anything was running."""
        home = self._settings.home
        running = await self._client.alive()
        if running:
            with contextlib.suppress(SupervisorError):
                await self._client.shut_down(_STOP_SECONDS)
            await self._until_gone()
        # Whatever the manager could not stop, or a manager that died left behind.
        strays = await asyncio.to_thread(end_strays, home)
        _remove_run_files(home)
        return running or strays > 0

    async def status(self) -> StackStatus:
        """Look at every part."""
        return await stack_status(self._settings, self._outlook)

    async def watch(self, watcher: Watcher) -> None:
        """Report the stack's state until its manager is gone."""
        while (status := await self.status()).up:
            watcher.looked(status)
            await asyncio.sleep(1.0)

    async def _resume(self) -> None:
        running = as_running(self._settings)
        wanted = self._settings
        if (running.environment, running.ports) != (wanted.environment, wanted.ports):
            raise StartError(
                f"a stack is up in {wanted.home.path} with --env {running.environment} and the "
                f"service on port {running.ports.service}; stop it with `gaugeway down`, or set "
                "another GAUGEWAY_HOME for a second one"
            )
        dead = await self._dead()
        for name in dead:
            await self._client.start(name)
        # The manager says that it starts a part before it takes back that the part is dead.
        end = time.monotonic() + _MANAGER_SECONDS
        while time.monotonic() < end:
            if not dead & await self._dead():
                return
            await asyncio.sleep(0.05)

    async def _dead(self) -> set[str]:
        return {state.name for state in (await self._client.states()).values() if state.dead}

    async def _launch(self) -> None:
        settings = self._settings
        home = settings.home
        await asyncio.to_thread(end_strays, home)
        _remove_run_files(home)
        home.prepare()
        binaries = await asyncio.to_thread(self._binaries, NEEDED_BINARIES)
        parts = await asyncio.to_thread(self._prepare, binaries)
        write_project(home, parts)
        manager = launch(binaries[MANAGER], settings)
        write_record(home, _record(settings, manager))
        end = time.monotonic() + _MANAGER_SECONDS
        while not await self._client.alive():
            if not psutil.pid_exists(manager) or time.monotonic() > end:
                await asyncio.to_thread(end_strays, home)
                said = home.log("process-compose.out").read_text(errors="replace").strip()
                raise StartError(f"process-compose did not start: {said or 'it said nothing'}")
            await asyncio.sleep(0.05)

    def _prepare(self, binaries: Mapping[str, Path]) -> tuple[Component, ...]:
        parts = self._planner(self._settings, binaries, make_credentials(self._settings))
        if taken := taken_ports(self._settings, parts):
            raise PortsTakenError(taken)
        try:
            lay_out(self._settings, parts)
        except AlertingError as error:
            raise StartError(str(error)) from None
        return parts

    async def _until_ready(self, watcher: Watcher) -> StackStatus:
        limit = self._settings.start_seconds
        end = time.monotonic() + limit
        while True:
            status = await self.status()
            watcher.looked(status)
            if status.ready:
                return status
            dead = tuple(part for part in status.components if part.dead)
            if dead or not status.up or time.monotonic() > end:
                waiting = tuple(part for part in status.components if part.ready is False)
                raise ComponentsFailedError(dead or waiting, limit)
            await asyncio.sleep(_POLL_SECONDS)

    async def _until_gone(self) -> None:
        end = time.monotonic() + _MANAGER_SECONDS
        while time.monotonic() < end:
            if not await self._client.alive():
                return
            await asyncio.sleep(0.05)


def _record(settings: Settings, supervisor: int) -> Record:
    return Record(
        environment=settings.environment,
        ports=settings.ports,
        supervisor=supervisor,
        redis_url=settings.redis_url,
        grafana_home=settings.grafana_home,
    )


def _remove_run_files(home: Home) -> None:
    """Forget the stack that was: its record, its socket and the private environment files."""
    for path in (home.record, home.socket, home.project, *home.run.glob("*.env")):
        path.unlink(missing_ok=True)
    if home.socket.parent != home.run:
        with contextlib.suppress(OSError):
            home.socket.parent.rmdir()


@contextlib.contextmanager
def _only_one(home: Home) -> Generator[None]:
    """Hold the home's start lock; the kernel frees it however its holder ends."""
    with (home.run / "start.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"another `gaugeway up` is starting the stack in {home.path}; wait for it"
            ) from None
        yield
