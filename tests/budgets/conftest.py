"""One Redis for all tests of budgets; each test empties it."""

from collections.abc import Generator

import pytest

from service.redis_embedded import EmbeddedRedis


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("redis-home"))
    yield embedded.start()
    embedded.leave()
