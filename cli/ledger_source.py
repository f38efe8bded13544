"""Finds the Redis that holds the ledger of this home, as the service itself finds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from service.redis_embedded import EmbeddedRedis, EmbeddedRedisError
from service.redis_store import RedisStore, StoreUnavailable
from service.settings import Settings
from stack.components.redis import choose_redis
from stack.containers import runs_in_containers
from stack.record import as_running, read_record
from stack.settings import load

# An export reads much at once and is in no hurry.
_TIMEOUT_SECONDS = 30.0
# Whether Redis is there at all shows sooner.
_ANSWER_SECONDS = 5.0


class LedgerSourceError(RuntimeError):
    """There is no ledger to be found; the message says where it was looked for and what to do."""


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncGenerator[RedisStore]:
    """Connect to REDIS_URL, else to the running stack's Redis, else to the service's embedded one.

    Raises `LedgerSourceError` where there is none of them, `StoreUnavailable` where it is away.
    """
    embedded: EmbeddedRedis | None = None
    url = await asyncio.to_thread(_known_url, settings)
    if url is None:
        embedded = EmbeddedRedis(settings.home)
        try:
            url = await asyncio.to_thread(embedded.start)
        except EmbeddedRedisError as error:
            raise LedgerSourceError(str(error)) from None
    store = RedisStore(url, timeout=_TIMEOUT_SECONDS, pool_size=4)
    try:
        await _answered(store)
        yield store
    finally:
        await store.close()
        if embedded is not None:
            embedded.leave()


async def _answered(store: RedisStore) -> None:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await store.ping()
    except TimeoutError:
        raise StoreUnavailable(
            f"Redis did not answer within {_ANSWER_SECONDS:.0f} seconds. See that it runs."
        ) from None


def _known_url(settings: Settings) -> str | None:
    """The address of a Redis that is there; None for the embedded one, which may have to start."""
    # Refuses a REDIS_URL that is none.
    stack = load()
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    if runs_in_containers(stack.home):
        raise LedgerSourceError(
            "The ledger is in a container: run `docker compose exec service gaugeway export …`."
        )
    if read_record(stack.home) is not None:
        return choose_redis(as_running(stack)).url
    if (settings.home / "redis").is_dir():
        return None
    raise LedgerSourceError(
        f"There is no ledger in {settings.home}: start the stack with `gaugeway up`, or set "
        "GAUGEWAY_HOME or REDIS_URL as the service has it."
    )
