"""Reads one trace from Tempo, within bounds of time and size."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from service.web.links import is_trace_id

SECONDS = 5.0
MOST_BYTES = 8 * 1024**2


class TraceUnreadable(Exception):  # noqa: N818 - says what is the case
    """The trace cannot be shown; the message says why and what to do, and holds no address."""


class TraceNotFound(TraceUnreadable):
    """Tempo answers and has no such trace."""


@dataclass(frozen=True, slots=True)
class TempoReader:
    """Asks one Tempo. `url` is where its HTTP API is, `seconds` the most that a trace may take."""

    url: str
    seconds: float = SECONDS
    most_bytes: int = MOST_BYTES

    async def trace(self, trace_id: str) -> bytes:
        """The trace in protobuf's JSON form, as Tempo wrote it. Raises `TraceUnreadable`."""
        if not is_trace_id(trace_id):
            raise TraceNotFound("This is no trace id: it has 32 hexadecimal digits.")
        address = f"{self.url.rstrip('/')}/api/traces/{trace_id}"
        try:
            async with asyncio.timeout(self.seconds):
                return await self._read(address)
        except TimeoutError:
            raise TraceUnreadable(
                f"Tempo did not answer within {self.seconds:g} s. Try again; if it stays, see "
                "whether Tempo is overloaded."
            ) from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise TraceUnreadable(
                "Tempo cannot be reached. See that it runs and that GAUGEWAY_TEMPO_URL leads to it."
            ) from None

    async def _read(self, address: str) -> bytes:
        # Few look at a trace at a time: a connection of its own needs nobody to close it later.
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.get(
                address, headers={"accept": "application/json"}, allow_redirects=False
            ) as answer,
        ):
            if answer.status == 404:
                raise TraceNotFound(
                    "Tempo has no such trace. A new one takes a few seconds to arrive; an old one "
                    "is no longer kept, and one that was not sampled never came."
                )
            if answer.status != 200:
                raise TraceUnreadable(
                    f"Tempo answered with status {answer.status}. Its own log says why."
                )
            return await self._bounded(answer.content)

    async def _bounded(self, content: aiohttp.StreamReader) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in content.iter_any():
            size += len(part)
            if size > self.most_bytes:
                raise TraceUnreadable(
                    f"The trace is larger than the {self.most_bytes // 1024**2} MiB that are "
                    "shown here. Look at it in Grafana."
                )
            parts.append(part)
        return b"".join(parts)
