"""Watches what the service depends on, in the background: up or not, and how long a check takes.

No request waits for a check; /readyz reads what the last round found.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from otel import attributes as names
from otel.instruments import Instruments
from service.background import BackgroundTask
from service.errors import ServiceError
from service.redis_store import StoreUnavailable

logger = logging.getLogger(__name__)


class DependencyProblem(Exception):  # noqa: N818 - says what is the case
    """What a check found: `problem` in a word or two, `advice` as a sentence for the log."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem}. {advice}")
        self.problem = problem
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something to ask whether it is there; `check` raises when it is not.

    `interval` in seconds, where it is another than that of the rest.
    """

    name: str
    check: Callable[[], Awaitable[None]]
    interval: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `problem` names the kind of failure, None when up."""

    name: str
    latency_ms: float
    checked_at: str
    problem: str | None = None
    advice: str | None = None
    """What to do about it, where the check knows."""

    @property
    def up(self) -> bool:
        """Whether the dependency answered."""
        return self.problem is None


class DependencyMonitor:
    """Checks each dependency now and again and keeps the last finding."""

    def __init__(
        self,
        dependencies: Sequence[Dependency],
        *,
        interval: float,
        timeout: float,
        instruments: Instruments,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._dependencies = tuple(dependencies)
        self._interval = interval
        self._timeout = timeout
        self._instruments = instruments
        self._clock = clock
        self._findings: dict[str, Finding] = {}
        self._said: dict[str, set[str]] = {}
        self.background = tuple(self._task(dependency) for dependency in self._dependencies)
        """Each dependency at its own pace, so that a slow one delays no other."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The last finding of each dependency that was checked, in order of declaration."""
        return tuple(
            self._findings[dependency.name]
            for dependency in self._dependencies
            if dependency.name in self._findings
        )

    @property
    def down(self) -> frozenset[str]:
        """The names of those whose last check failed."""
        return frozenset(finding.name for finding in self._findings.values() if not finding.up)

    @property
    def complete(self) -> bool:
        """Whether every dependency has been checked at least once."""
        return len(self._findings) == len(self._dependencies)

    def start(self) -> None:
        """Begin checking."""
        for task in self.background:
            task.start()

    async def stop(self) -> None:
        """Stop checking."""
        await asyncio.gather(*(task.close() for task in self.background))

    async def check(self, dependency: Dependency) -> Finding:
        """Check one dependency now and record what was found."""
        started = self._clock()
        problem: str | None = None
        advice: str | None = None
        try:
            async with asyncio.timeout(self._timeout):
                await dependency.check()
        except DependencyProblem as found:
            problem, advice = found.problem, found.advice
        except Exception as error:
            problem = _problem(error)
        seconds = self._clock() - started
        self._record(dependency.name, seconds, problem)
        finding = Finding(
            dependency.name,
            round(seconds * 1000, 3),
            datetime.now(UTC).isoformat(timespec="milliseconds"),
            problem,
            advice,
        )
        self._announce(finding)
        self._findings[dependency.name] = finding
        return finding

    def _task(self, dependency: Dependency) -> BackgroundTask:
        async def check() -> None:
            await self.check(dependency)

        return BackgroundTask(
            f"check of {dependency.name}",
            check,
            every=dependency.interval or self._interval,
            instruments=self._instruments,
            at_once=True,
        )

    def _record(self, name: str, seconds: float, problem: str | None) -> None:
        labels: dict[str, str | int | None] = {names.DEPENDENCY_NAME: name}
        self._instruments.dependency_up.set(0 if problem else 1, labels)
        self._instruments.dependency_check_duration.record(
            seconds, {**labels, names.ERROR_TYPE: problem}
        )

    def _announce(self, finding: Finding) -> None:
        """Say each kind of problem once, until the dependency is back."""
        said = self._said.setdefault(finding.name, set())
        if finding.problem is None:
            if said:
                logger.info("Dependency %s is back", finding.name)
            said.clear()
        elif finding.problem not in said:
            said.add(finding.problem)
            advice = f". {finding.advice}" if finding.advice else ""
            logger.warning("Dependency %s is down: %s%s", finding.name, finding.problem, advice)


def reachable(url: str, *, authority: Path | None = None) -> Callable[[], Awaitable[None]]:
    """Return a check that opens and closes a connection to a URL's host, over TLS where it says so.

    `authority`: the certificate to trust instead of the system's. The check raises `OSError`, also
    where the certificate is not trusted.
    """
    parts = urlsplit(url)
    secure = parts.scheme in ("https", "rediss")
    host, port = parts.hostname or "localhost", parts.port or (443 if secure else 80)

    @functools.cache
    def trust() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=authority)

    async def check() -> None:
        # A bare connection would leave a failed handshake in the other side's log at every check.
        # A certificate that cannot be read makes the Collector unreachable, not the service unable.
        tls = await asyncio.to_thread(trust) if secure else None
        _, writer = await asyncio.open_connection(host, port, ssl=tls)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    return check


def _problem(error: Exception) -> str:
    """The kind of failure, as one of few words that hold nothing secret."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ServiceError):
        return error.error_type
    if isinstance(error, StoreUnavailable):
        return "unavailable"
    return "unreachable" if isinstance(error, OSError) else type(error).__name__
