"""Metrics of Redis commands and connections, which the Redis instrumentation does not record."""

import asyncio
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, Final
from weakref import WeakSet

import wrapt

from otel import attributes as a
from otel.bootstrap.hooks import when_imported
from otel.instruments import Instruments
from otel.labels import Labels

_PIPELINE: Final = "PIPELINE"


class RedisMetrics:
    """Times commands and counts connections of every redis-py client of the process."""

    def __init__(self, instruments: Callable[[], Instruments]) -> None:
        self._instruments = instruments
        self._pools: WeakSet[Any] = WeakSet()

    def install(self) -> None:
        """Hook into redis-py when it is imported."""
        for module in ("redis.client", "redis.asyncio.client"):
            when_imported(module, self._patch_client)
        for module in ("redis.connection", "redis.asyncio.connection"):
            when_imported(module, self._patch_pool)

    def connections(self) -> Iterable[tuple[float, Labels]]:
        """Count the connections of all pools by pool and state."""
        totals: dict[tuple[str, str], int] = {}
        for pool in list(self._pools):
            name = _pool_name(pool)
            for count, attributes in pool.get_connection_count():
                key = name, str(attributes.get(a.DB_CONNECTION_STATE))
                totals[key] = totals.get(key, 0) + count
        for (name, state), count in totals.items():
            yield count, {a.DB_POOL_NAME: name, a.DB_CONNECTION_STATE: state}

    def watch(self, pool: Any) -> None:
        """Count this pool's connections for as long as it lives."""
        self._pools.add(pool)

    def _patch_client(self, module: Any) -> None:
        for name, wrapper in (
            ("Redis.execute_command", self.timed_command),
            ("Pipeline.execute", self._pipeline),
        ):
            wrapt.wrap_function_wrapper(module, name, wrapper)

    def _patch_pool(self, module: Any) -> None:
        if hasattr(module.ConnectionPool, "get_connection_count"):
            wrapt.wrap_function_wrapper(module, "ConnectionPool.__init__", self._new_pool)

    def _new_pool(
        self, original: Callable[..., None], instance: Any, args: Any, kwargs: Any
    ) -> None:
        original(*args, **kwargs)
        self.watch(instance)

    def timed_command(
        self, original: Callable[..., Any], instance: Any, args: Any, kwargs: Any
    ) -> Any:
        """Run a command and record how long it took, to its answer if it is awaited."""
        return self._timed(str(args[0]).upper() if args else "", original, args, kwargs)

    def _pipeline(self, original: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        return self._timed(_PIPELINE, original, args, kwargs)

    def _timed(self, name: str, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        started = perf_counter()
        try:
            result = original(*args, **kwargs)
        except Exception as error:
            self._record(name, started, error)
            raise
        if asyncio.iscoroutine(result):
            return self._awaited(name, started, result)
        self._record(name, started, None)
        return result

    async def _awaited(self, name: str, started: float, result: Any) -> Any:
        try:
            answer = await result
        except BaseException as error:
            self._record(name, started, error)
            raise
        self._record(name, started, None)
        return answer

    def _record(self, name: str, started: float, error: BaseException | None) -> None:
        self._instruments().db_operation_duration.record(
            perf_counter() - started,
            {
                a.DB_SYSTEM_NAME: "redis",
                a.DB_OPERATION_NAME: name,
                a.ERROR_TYPE: None if error is None else type(error).__qualname__,
            },
        )


def _pool_name(pool: Any) -> str:
    settings = pool.connection_kwargs
    where = (
        settings.get("path") or f"{settings.get('host', 'localhost')}:{settings.get('port', 6379)}"
    )
    return f"{where}/{settings.get('db') or 0}"
