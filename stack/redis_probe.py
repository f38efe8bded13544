"""Asks a Redis whether it is ready, over its own protocol.

The client library would do it too, and would take longer to import than all the rest of
`gaugeway status` takes to run.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from stack.probes import PROBE_SECONDS, Observation

_DEFAULT_PORT = 6379


class _RefusedError(Exception):
    """Redis answered with an error; the message is Redis's own and holds no credential."""


@dataclass(frozen=True, slots=True)
class RedisProbe:
    """Ready when Redis tells its version; the URL may carry a password and is never shown."""

    url: str = field(repr=False)

    async def observe(self) -> Observation:
        """Connect, authenticate if the URL says so, and ask for the server's facts."""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return Observation(ready=True, version=await self._version())
        except _RefusedError as error:
            return Observation(ready=False, reason=f"Redis refuses: {error}")
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            return Observation(
                ready=False, reason=f"Redis does not answer ({type(error).__name__})"
            )

    async def _version(self) -> str:
        parts = urlsplit(self.url)
        reader, writer = await self._connect()
        try:
            if parts.password:
                user = (unquote(parts.username),) if parts.username else ()
                await _ask(reader, writer, "AUTH", *user, unquote(parts.password))
            facts = await _ask(reader, writer, "INFO", "server")
        finally:
            writer.close()
        lines = dict(line.split(":", 1) for line in facts.splitlines() if ":" in line)
        return lines.get("redis_version", "")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.url)
        if parts.scheme == "unix":
            return await asyncio.open_unix_connection(parts.path)
        secured = ssl.create_default_context() if parts.scheme == "rediss" else None
        host, port = parts.hostname or "127.0.0.1", parts.port or _DEFAULT_PORT
        return await asyncio.open_connection(host, port, ssl=secured)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *words: str) -> str:
    encoded = [word.encode() for word in words]
    writer.write(b"*%d\r\n" % len(encoded))
    writer.writelines(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
    await writer.drain()
    head = (await reader.readuntil(b"\r\n")).decode().strip()
    if head.startswith("-"):
        raise _RefusedError(head[1:])
    if not head.startswith("$"):
        return head[1:]
    return (await reader.readexactly(int(head[1:]) + 2)).decode()
