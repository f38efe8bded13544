"""Writes down every act of an operator, and who was refused: the logger `gaugeway.admin`.

A record names a key by its id and a route by its template. It never holds a key, a cookie, a query
or a path that somebody made up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from otel import attributes as names
from service.keys import Caller

logger = logging.getLogger("gaugeway.admin")

ACTION: Final = "gaugeway.admin.action"
KEY_ID: Final = "gaugeway.admin.key_id"
SUPPRESSED: Final = "gaugeway.admin.suppressed"
CLIENT: Final = "client.address"
REFUSALS_A_MINUTE: Final = 60
"""How many refusals a worker writes down of those who sent no key that is known, and as many of
those who did: the first may be anybody, and must not hide the others. The first one of the next
minute tells of those that were left out."""
_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Act:
    """One request of, or in place of, an operator. `route` is a template, never a caller's text."""

    method: str
    route: str
    trace_id: str
    client: str


class _Allowance:
    """How many refusals of one kind may still be written down in this minute."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._minute = float("-inf")
        self._refusals = 0

    def take(self) -> int | None:
        """None where it is used up, else how many were left out since the last that was not."""
        now = self._now()
        suppressed = max(0, self._refusals - REFUSALS_A_MINUTE)
        begins = now - self._minute >= _MINUTE
        if begins:
            self._minute, self._refusals = now, 0
        self._refusals += 1
        if self._refusals > REFUSALS_A_MINUTE:
            return None
        return suppressed if begins else 0


class AuditLog:
    """One worker's records; `now` gives seconds that only grow."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._unknown, self._known = _Allowance(now), _Allowance(now)

    def request(self, act: Act, caller: Caller, status: int) -> None:
        """An operator asked for something."""
        _write("request", f"{act.method} {act.route} answered {status}", act, caller, status=status)

    def logged_in(self, act: Act, caller: Caller) -> None:
        """A session began."""
        _write("login", "Logged in", act, caller)

    def logged_out(self, act: Act, caller: Caller) -> None:
        """A session was ended."""
        _write("logout", "Logged out", act, caller)

    def refused(self, act: Act, status: int, *, action: str, caller: Caller | None = None) -> None:
        """Somebody was kept out; `caller` where the key is known and its role is not enough."""
        suppressed = (self._unknown if caller is None else self._known).take()
        if suppressed is None:
            return
        more = {SUPPRESSED: suppressed} if suppressed else {}
        text = f"Refused: {act.method} {act.route} answered {status}"
        _write(action, text, act, caller, logging.WARNING, status=status, more=more)


def _write(
    action: str,
    text: str,
    act: Act,
    caller: Caller | None,
    level: int = logging.INFO,
    *,
    status: int | None = None,
    more: Mapping[str, int] | None = None,
) -> None:
    attributes: dict[str, str | int] = {
        ACTION: action,
        names.HTTP_METHOD: act.method,
        names.HTTP_ROUTE: act.route,
        CLIENT: act.client,
        **(more or {}),
    }
    if status is not None:
        attributes[names.HTTP_STATUS_CODE] = status
    if caller is not None:
        attributes |= {KEY_ID: caller.key_id, names.APP: caller.app}
        text = f"{text}, key {caller.key_id} of {caller.app}"
    logger.log(level, "%s (trace %s)", text, act.trace_id, extra=attributes)
