"""process-compose's API over its socket: what runs, start, stop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypedDict, cast

import aiohttp

_REQUEST_SECONDS: Final = 5.0


class SupervisorError(RuntimeError):
    """The process manager did not do what it was asked; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process as its manager sees it."""

    name: str
    status: str
    running: bool
    restarts: int
    exit_code: int
    pid: int

    @property
    def dead(self) -> bool:
        """Tell whether it has ended for good: its restarts are used up, or it could not start."""
        return self.status in {"Completed", "Error", "Skipped"}


class _Item(TypedDict):
    name: str
    status: str
    is_running: bool
    restarts: int
    exit_code: int
    pid: int


class _Answer(TypedDict, total=False):
    data: list[_Item] | None


class SupervisorClient:
    """Talks to the manager of one stack."""

    def __init__(self, socket: Path):
        self._socket = socket

    async def alive(self) -> bool:
        """Tell whether a manager answers at the socket."""
        try:
            await self._call("GET", "/live")
        except SupervisorError:
            return False
        return True

    async def states(self) -> dict[str, ProcessState]:
        """Return the state of every process by name; raises `SupervisorError` if none answers."""
        answer = await self._call("GET", "/processes")
        return {item["name"]: _state(item) for item in answer.get("data") or ()}

    async def start(self, name: str) -> None:
        """Start a process that has ended."""
        await self._call("POST", f"/process/start/{name}")

    async def stop(self, name: str) -> None:
        """Stop one process and leave the others."""
        await self._call("PATCH", f"/process/stop/{name}", seconds=60)

    async def shut_down(self, seconds: float) -> None:
        """Stop all processes in order, then the manager; returns when they have ended."""
        await self._call("POST", "/project/stop", seconds=seconds)

    async def _call(self, method: str, path: str, seconds: float = _REQUEST_SECONDS) -> _Answer:
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.UnixConnector(str(self._socket)), timeout=timeout
                ) as session,
                session.request(method, f"http://process-compose{path}") as answer,
            ):
                body: Any = await answer.json(content_type=None)
                if answer.status >= 400:
                    raise SupervisorError(f"process-compose refuses {method} {path}: {body}")
                return cast("_Answer", body)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise SupervisorError(
                f"process-compose does not answer at {self._socket} ({type(error).__name__}); "
                "run `gaugeway up`."
            ) from error


def _state(item: _Item) -> ProcessState:
    return ProcessState(
        name=item["name"],
        status=item["status"],
        running=item["is_running"],
        restarts=item["restarts"],
        exit_code=item["exit_code"],
        pid=item["pid"],
    )
