"""Reads what `gaugeway top` shows from a running service, over HTTP and with an admin's key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError

from service.api.admin.documents import HealthReport, MetricsReport
from service.ledger.documents import Notable

ANSWER_SECONDS = 4.0
NOTABLE = 5
"""How many of the dearest, slowest and failed requests are asked for."""
_NEW_KEY = (
    "make one with `gaugeway keys create --role admin NAME`, put it into a file and give "
    "--key-file FILE"
)

D = TypeVar("D", bound=BaseModel)


class _ReadError(Exception):
    """A document could not be had; the message says why, and what to do."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in one round, and what an earlier one found where this one failed.

    `read_at` is when `metrics` are of; `problem` says why they are not of this round.
    """

    url: str
    at: datetime
    read_at: datetime | None = None
    metrics: MetricsReport | None = None
    notable: Notable | None = None
    health: HealthReport | None = None
    problem: str | None = None


class TopReader:
    """Asks one service. `read` never raises: what goes wrong is part of what is shown."""

    def __init__(
        self,
        client: aiohttp.ClientSession,
        url: str,
        key: str,
        *,
        now: Callable[[], datetime],
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
        self._now = now
        self._answer_seconds = answer_seconds
        self._last: Reading | None = None

    def nothing_yet(self) -> Reading:
        """What there is to show before the first round has ended."""
        return Reading(self._url, self._now())

    async def read(self) -> Reading:
        """One round: metrics, requests worth looking at, and health where something is amiss."""
        metrics, notable = await asyncio.gather(
            self._document("/api/metrics", MetricsReport),
            self._document(f"/admin/notable?limit={NOTABLE}", Notable),
            return_exceptions=True,
        )
        reading = Reading(self._url, self._now())
        if isinstance(metrics, MetricsReport):
            reading = replace(reading, metrics=metrics, read_at=reading.at)
        else:
            reading = self._earlier(reading, _message(metrics))
        if isinstance(notable, Notable):
            reading = replace(reading, notable=notable)
        if self._needs_health(metrics):
            reading = replace(reading, health=await self._health())
        self._last = reading
        return reading

    def _earlier(self, reading: Reading, problem: str) -> Reading:
        last = self._last
        if last is None:
            return replace(reading, problem=problem)
        return replace(
            reading,
            problem=problem,
            metrics=last.metrics,
            notable=last.notable,
            read_at=last.read_at,
        )

    def _needs_health(self, metrics: MetricsReport | BaseException) -> bool:
        if isinstance(metrics, MetricsReport):
            return metrics.status != "healthy"
        # A service that answers without its figures can say what it misses.
        return isinstance(metrics, _ReadError) and metrics.status == 503

    async def _health(self) -> HealthReport | None:
        try:
            return await self._document("/api/health", HealthReport)
        except _ReadError:
            return None

    async def _document(self, path: str, kind: type[D]) -> D:
        try:
            async with (
                asyncio.timeout(self._answer_seconds),
                # A redirect would take the key along.
                self._client.get(
                    self._url + path, headers=self._headers, allow_redirects=False
                ) as answer,
            ):
                body = await answer.read()
        except TimeoutError:
            raise _ReadError(
                f"{self._url} does not answer within {self._answer_seconds:g} s"
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _ReadError(f"{self._url} cannot be reached ({_reason(error)})") from None
        if answer.status != 200:
            raise _ReadError(self._refusal(answer.status, body), answer.status)
        try:
            # A newer service may tell more than is shown here.
            return kind.model_validate_json(body, extra="ignore")
        except ValidationError:
            raise _ReadError(
                f"{self._url}{path.partition('?')[0]} does not answer as Gaugeway does; see that "
                "the address is right and that both are of the same version"
            ) from None

    def _refusal(self, status: int, body: bytes) -> str:
        if status == 401:
            return f"{self._url} does not accept this key (401): {_NEW_KEY}"
        if status == 403:
            return f"this key is not an admin's (403): {_NEW_KEY}"
        if said := _said(body):
            return said
        return f"{self._url} answers {status}; see that the address is Gaugeway's"


def _message(error: MetricsReport | BaseException) -> str:
    if isinstance(error, _ReadError):
        return str(error)
    if isinstance(error, BaseException):
        raise error
    return ""


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or type(error.os_error).__name__
    return type(error).__name__


def _said(body: bytes) -> str:
    """The message of an error in the shape that all of Gaugeway's have."""
    try:
        document: Any = json.loads(body)
        return str(document["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ""
