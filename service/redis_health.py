"""Whether Redis can do what the service needs of it: take writes, and run its scripts.

A replica, a full memory or disk, missing rights and the wrong node of a cluster all answer PING,
and some of them what only reads. So a key of the service's own is written, once directly and once
by a script that uses every command the ledger's and the budgets' scripts use. What it leaves behind
is two short keys that expire.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoScriptError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeout

from service.dependencies import DependencyProblem
from service.ledger.calendar import PREFIX
from service.ledger.scripts import load_script
from service.redis_replies import reply_code
from service.redis_store import raise_swallowed_cancellation
from service.settings import SettingsError

KEPT_SECONDS: Final = 60

_SCRIPT_KEYS: Final = [f"{PREFIX}health{part}" for part in ("", ":hash", ":set", ":sorted")]
_CACHE_KEY: Final = "gaugeway:{cache}:health"
_ONE_PRIMARY: Final = (
    "The service needs one server that has all keys: lead REDIS_URL to the primary of a Redis with "
    "cluster mode off."
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One word or two for metrics and /readyz, and for the log what to do about it."""

    problem: str
    advice: str


_WRONG_NODE: Final = _Kind("wrong node", f"It is a node of a Redis Cluster. {_ONE_PRIMARY}")
_LOADING: Final = _Kind("loading", "It is reading its file and answers when it has.")
_NOT_AUTHENTICATED: Final = _Kind(
    "not authenticated", "It does not take the user or password of REDIS_URL."
)
_KINDS: Final[Mapping[str, _Kind]] = {
    "READONLY": _Kind(
        "read-only",
        "It is a replica and takes no writes. See that REDIS_URL leads to the primary.",
    ),
    "NOPERM": _Kind(
        "no permission",
        "Its ACL does not let the user of REDIS_URL do what the service needs; docs/ledger.md "
        "has the rights to give.",
    ),
    "OOM": _Kind(
        "out of memory",
        "It takes no writes until memory is free: raise maxmemory, or keep less in it.",
    ),
    "NOREPLICAS": _Kind(
        "too few replicas",
        "It takes no writes until as many replicas are connected as min-replicas-to-write says.",
    ),
    "MISCONF": _Kind(
        "not saving",
        "It cannot write to its disk, and takes no writes until it can: see its log.",
    ),
    "LOADING": _LOADING,
    BusyLoadingError.__name__: _LOADING,
    "MASTERDOWN": _Kind("no primary", "It is a replica that has lost its primary."),
    "BUSY": _Kind("busy", "A script or function has kept it for seconds."),
    "WRONGPASS": _NOT_AUTHENTICATED,
    "NOAUTH": _NOT_AUTHENTICATED,
    "MOVED": _WRONG_NODE,
    "ASK": _WRONG_NODE,
    "CROSSSLOT": _WRONG_NODE,
    "CLUSTERDOWN": _WRONG_NODE,
    "TRYAGAIN": _WRONG_NODE,
}
_REFUSED: Final = _Kind("refused", "It refuses what the service needs of it: see its log.")
_IN_WORDS: Final = (
    (
        re.compile(r"DB index|[Ii]nvalid (?:DB|[Dd]atabase)"),
        _Kind("no such database", "It has no database of the number in REDIS_URL."),
    ),
    (
        re.compile(r"max number of clients"),
        _Kind("too many clients", "It takes no more connections: raise maxclients."),
    ),
)
_CLUSTER: Final = _Kind(
    "redis cluster", f"It is a Redis Cluster, of which this is one node. {_ONE_PRIMARY}"
)


class RedisHealth:
    """Asks one Redis, over a connection of its own that a failure closes.

    So the next check begins where the address leads to then. `takes_entries` is whether the ledger
    gets its entries into it, over the connections that requests use; `failed` is told that it
    fails, before a request has to find out.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        takes_entries: Callable[[], bool] = lambda: True,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        self._pool = ConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType] - untyped kwargs
            url,
            max_connections=1,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis(connection_pool=self._pool)
        self._takes_entries = takes_entries
        self._failed = failed
        self._script = load_script("service", "redis_health")
        self._is_one = False

    async def check(self) -> None:
        """Write. Raises `DependencyProblem` with the kind of failure."""
        try:
            kind = await self._problem()
        except asyncio.CancelledError:
            self._failed()  # Whoever asks has waited long enough.
            raise
        if kind is not None:
            self._failed()
            raise DependencyProblem(kind.problem, kind.advice)
        if not self._takes_entries():
            raise DependencyProblem("unavailable", "The usage ledger cannot write to it.")

    async def refuse_cluster(self) -> None:
        """Raise `SettingsError` where the address leads into a Redis Cluster.

        One that cannot be asked now is asked by every check.
        """
        kind = await self._problem()
        if kind in (_CLUSTER, _WRONG_NODE):
            raise SettingsError(f"The service cannot start. REDIS_URL: {kind.advice}")

    async def _problem(self) -> _Kind | None:
        try:
            await self._write()
            if not self._is_one:
                await self._see_that_it_is_one()
        except (RedisError, OSError) as error:
            raise_swallowed_cancellation()
            self._is_one = False
            await self._pool.disconnect()
            return _kind_of(error)
        raise_swallowed_cancellation()
        return None

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
        await self._pool.aclose()

    async def _write(self) -> None:
        calls = ("EVALSHA", self._script.sha), ("EVAL", self._script.source)
        for command, script in calls:
            pipeline = cast("Any", self._redis.pipeline(transaction=False))
            pipeline.set(_CACHE_KEY, "1", ex=KEPT_SECONDS)
            pipeline.execute_command(
                command, script, len(_SCRIPT_KEYS), *_SCRIPT_KEYS, KEPT_SECONDS
            )
            direct, scripted = await pipeline.execute(raise_on_error=False)
            if isinstance(direct, Exception):
                raise direct
            if not isinstance(scripted, Exception):
                return
            if not isinstance(scripted, NoScriptError):
                raise scripted

    async def _see_that_it_is_one(self) -> None:
        """Also one that has all slots now is refused: it has them until the next resharding."""
        try:
            told = await cast("Any", self._redis).info("cluster")
        except ResponseError:
            return  # It may not be asked, and the write was taken.
        if told.get("cluster_enabled"):
            raise _IsClusterError
        self._is_one = True


class _IsClusterError(RedisError):
    pass


def _kind_of(error: Exception) -> _Kind:
    if isinstance(error, _IsClusterError):
        return _CLUSTER
    if isinstance(error.__cause__, RedisError):
        # What went wrong while the connection was made is wrapped.
        return _kind_of(error.__cause__)
    if isinstance(error, RedisTimeout | TimeoutError):
        return _Kind("timeout", "It does not answer in time.")
    if isinstance(error, AuthenticationError):
        return _NOT_AUTHENTICATED
    if found := _KINDS.get(reply_code(error)):
        return found
    for words, kind in _IN_WORDS:
        if words.search(str(error)):
            return kind
    if isinstance(error, ResponseError):
        return _REFUSED
    return _Kind("unreachable", "See that it runs and that REDIS_URL leads to it.")
