"""One Redis for all tests of budgets; each test empties it."""

from collections.abc import Generator

import pytest

from tests.service.redis_server import redis_in


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with redis_in(tmp_path_factory) as url:
        yield url
