"""Says at the start whether this Redis would lose what the ledger gives it.

An embedded one and the one of the Compose file are set up right; an operator's own may be a cache,
which forgets usage and budgets without a word.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from service.redis_store import RedisStore, StoreUnavailable

logger = logging.getLogger(__name__)


async def warn_of_losses(redis: RedisStore) -> None:
    """Log what is set so that keys vanish; without Redis, or where it does not tell, nothing."""

    async def ask(client: Any) -> dict[str, Any]:
        return await client.info()

    told: dict[str, Any] = {}
    with contextlib.suppress(StoreUnavailable):
        told = await redis.run("INFO", ask)
    policy = told.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        logger.warning(
            "Redis evicts keys when its memory is short (maxmemory-policy is %s): usage and "
            "budgets can vanish. Set maxmemory-policy to noeviction.",
            policy,
        )
    if told.get("aof_enabled") == 0:
        logger.warning(
            "Redis keeps no append-only file: when it restarts, usage and budgets since its last "
            "snapshot are gone. Set appendonly to yes."
        )
