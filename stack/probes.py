"""Whether a part is ready, and which version it says it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, cast

import aiohttp

PROBE_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Observation:
    """What a probe saw: ready or not, the version if it was told, and otherwise the reason."""

    ready: bool
    version: str = ""
    reason: str = ""


class Probe(Protocol):
    """Looks at one part from outside; bounded in time, never raises."""

    async def observe(self) -> Observation:
        """Look once."""
        ...


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Ready when `url` answers 200; `version_at` is the path to the version in a JSON answer."""

    url: str
    version_url: str = ""
    version_at: tuple[str, ...] = ()
    version: str = ""

    async def observe(self) -> Observation:
        """Ask for readiness, and for the version once it is ready."""
        timeout = aiohttp.ClientTimeout(total=PROBE_SECONDS)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                async with session.get(self.url) as answer:
                    if answer.status != 200:
                        reason = f"{self.url} answers {answer.status}"
                        return Observation(ready=False, reason=reason)
                return Observation(ready=True, version=await self._version(session))
        except TimeoutError:
            reason = f"{self.url} does not answer within {PROBE_SECONDS:.0f} s"
            return Observation(ready=False, reason=reason)
        except aiohttp.ClientError:
            return Observation(ready=False, reason=f"nothing answers at {self.url}")

    async def _version(self, session: aiohttp.ClientSession) -> str:
        if not self.version_url:
            return self.version
        try:
            async with session.get(self.version_url) as answer:
                return _pick(await answer.json(content_type=None), self.version_at) or self.version
        except (TimeoutError, aiohttp.ClientError, ValueError):
            # A part that works but does not say what it is, is ready all the same.
            return self.version


def _pick(document: object, path: tuple[str, ...]) -> str:
    for key in path:
        if not isinstance(document, dict):
            return ""
        document = cast("dict[str, object]", document).get(key)
    return str(document or "")
