"""Server-sent events, read incrementally by the rules of the HTML standard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.errors import ProviderInvalidResponse

MAXIMUM_EVENT = 16 * 2**20
"""Bytes; what a provider sends without ever ending an event must not fill the memory."""

_LINE = 32
"""What a line takes besides its data: empty ones without end would fill the memory as well."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name (empty for the default) and its data, UTF-8 text as it was sent."""

    name: str
    data: bytes


class EventParser:
    """Bytes in, in pieces of any size; whole events out.

    Lines are split on bytes, so a piece may end inside a UTF-8 character, a line end or anything
    else. Each byte is looked at once: what is unfinished is kept in a list and joined when its
    line end comes. Comments, ids and retry times are dropped, and so is an event without data and
    one without its closing empty line.
    """

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._name = b""
        self._after_return = False
        self._at_start = True

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that end in this piece; `ProviderInvalidResponse` if one is too long."""
        if self._after_return and piece.startswith(b"\n"):
            piece = piece[1:]
            self._after_return = False
        if not piece:
            return
        self._after_return = piece.endswith(b"\r")
        lines = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if len(lines) > 1 and self._pending:
            lines[0] = b"".join((*self._pending, lines[0]))
            self._pending.clear()
            self._pending_size = 0
        rest = lines.pop()
        for line in lines:
            if line:
                self._field(line)
            elif self._data:
                yield self._event()
            else:
                self._name = b""
        if rest:
            self._pending.append(rest)
            self._pending_size += len(rest)
            self._check_size()

    def _event(self) -> Event:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        event = Event(self._name.decode("utf-8", "replace"), data)
        self._data = []
        self._data_size = 0
        self._name = b""
        return event

    def _field(self, line: bytes) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        name, _, value = line.partition(b":")
        if name == b"data":
            value = value.removeprefix(b" ")
            self._data.append(value)
            self._data_size += len(value) + _LINE
            self._check_size()
        elif name == b"event":
            self._name = value.removeprefix(b" ")

    def _check_size(self) -> None:
        if self._pending_size + self._data_size > MAXIMUM_EVENT:
            raise ProviderInvalidResponse(
                f"The provider sent more than {MAXIMUM_EVENT} bytes without ending an event."
            )
