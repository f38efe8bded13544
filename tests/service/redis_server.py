"""One embedded Redis, for the `redis_url` fixtures of all tests that need one."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from service.redis_embedded import EmbeddedRedis


@contextmanager
def redis_in(folders: pytest.TempPathFactory) -> Generator[str]:
    """The address of a Redis that runs until the block ends."""
    embedded = EmbeddedRedis(folders.mktemp("redis-home"))
    try:
        yield embedded.start()
    finally:
        embedded.leave()
