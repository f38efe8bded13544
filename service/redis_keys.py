"""Keys of the service's own that hold something else than it keeps there.

Nothing of the service does that: somebody else writes into this Redis, or a file was damaged. What
cannot be read is never taken for nothing. Whoever asks is told the key's name.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from service.redis_store import StoreUnavailable

logger = logging.getLogger(__name__)

WRONG_TYPE = "it is of another type"
NO_NUMBER = "it holds what is no number"
NO_NUMBER_OR_TYPE = "it is of another type, or holds what is no number"
SAID_EVERY_SECONDS = 3_600.0
_REMEMBERED = 1_000


class DamagedKey(StoreUnavailable):
    """What is kept under `key` cannot be read; the message names it, and says what to do."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(
            f"the Redis key {key!r} does not hold what the service keeps there: {problem}. Look at "
            "it with redis-cli, and see who else writes into this Redis. Rename it, and it is "
            "begun anew; what it had counted is missing then."
        )
        self.key = key


def is_wrong_type(reply: object) -> bool:
    """Whether a reply says that a key is of another type than a command is for."""
    return isinstance(reply, Exception) and "WRONGTYPE" in str(reply)


class DamageReport:
    """Says in the log which key it is, each once an hour: what meets it meets it every time."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, float] = {}

    def tell(self, damaged: DamagedKey, consequence: str) -> None:
        """Say it, with what it comes to as a sentence, unless that was said lately."""
        now = self._clock()
        if now - self._said.get(damaged.key, -SAID_EVERY_SECONDS) < SAID_EVERY_SECONDS:
            return
        if len(self._said) >= _REMEMBERED:
            self._said.clear()
        self._said[damaged.key] = now
        logger.error("%s Reason: %s", consequence, damaged)
