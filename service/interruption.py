"""Ending a request early, once and for one stated reason: deadline, client gone, or shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Literal

from service.errors import ClientGone, DeadlineExceeded, ServiceError, ServiceUnavailable

Reason = Literal["timeout", "client_disconnect", "shutdown"]


class Interruption:
    """One request under way, as the task that serves it and the first reason to end it.

    `interrupt` cancels the task; whoever catches the `CancelledError` asks `caught`, which tells
    a cancellation of ours from a stranger's and takes ours back.
    """

    __slots__ = ("__weakref__", "_closed", "_on_close", "_task", "_timer", "reason")

    def __init__(self, task: asyncio.Task[object] | None, on_close: Callable[[], None]) -> None:
        self.reason: Reason | None = None
        self._task = task
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._on_close = on_close

    def interrupt(self, reason: Reason) -> None:
        """End the request for this reason, unless it is over or ending already."""
        if self._closed or self.reason is not None:
            return
        if self._task is None or self._task.done():
            self.close()
            return
        self.reason = reason
        self._task.cancel()

    def at(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        """Interrupt with `timeout` when the loop's clock reads `deadline`."""
        self._timer = loop.call_at(deadline, self.interrupt, "timeout")

    def postpone(self, deadline: float) -> None:
        """Let it go on until the loop's clock reads `deadline`, unless it is over or ending."""
        if self._timer is not None and not self._closed and self.reason is None:
            self._timer.cancel()
            self.at(asyncio.get_running_loop(), deadline)

    def caught(self) -> bool:
        """Whether the `CancelledError` in hand is ours; then the task is no longer cancelled."""
        if self.reason is None:
            return False
        if self._task is not None and self._task.cancelling():
            self._task.uncancel()
        return True

    def error(self) -> ServiceError:
        """What the caller is told about the reason."""
        if self.reason == "timeout":
            return DeadlineExceeded(
                "The request was not answered within its deadline. Ask for less, allow more time "
                "with x-gaugeway-deadline-ms, or try again."
            )
        if self.reason == "client_disconnect":
            return ClientGone("The client went away before it was answered.")
        return ServiceUnavailable(
            "The service is stopping and ended this request. Try again.",
            code="shutting_down",
            retry_after=1,
        )

    def close(self) -> None:
        """The request is over: nothing can interrupt it any more. Safe to repeat."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._task = None
        self._on_close()


class InFlight:
    """The requests under way in this process."""

    def __init__(self) -> None:
        self._requests: set[Interruption] = set()
        self._stopping = False
        self._grace_over = False
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def stopping(self) -> bool:
        """Whether the service has been told to stop."""
        return self._stopping

    def start(self, deadline: float) -> Interruption:
        """Take up a request served by the current task; `deadline` is on the loop's clock."""
        interruption = Interruption(asyncio.current_task(), lambda: self._discard(interruption))
        interruption.at(asyncio.get_running_loop(), deadline)
        self._requests.add(interruption)
        self._empty.clear()
        if self._grace_over:
            # It was still sending its body when the others were ended.
            asyncio.get_running_loop().call_soon(interruption.interrupt, "shutdown")
        return interruption

    @contextmanager
    def track(self, deadline: float) -> Generator[Interruption]:
        """A request from start to end within one block; ours becomes the caller's error."""
        interruption = self.start(deadline)
        try:
            yield interruption
        except asyncio.CancelledError:
            if not interruption.caught():
                raise
            raise interruption.error() from None
        finally:
            interruption.close()

    async def stop(self, grace: float) -> None:
        """Give the requests under way `grace` seconds, then interrupt those that are left."""
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._empty.wait()
        self._grace_over = True
        for interruption in tuple(self._requests):
            interruption.interrupt("shutdown")

    def _discard(self, interruption: Interruption) -> None:
        self._requests.discard(interruption)
        if not self._requests:
            self._empty.set()
