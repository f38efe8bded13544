"""Fixtures: one Redis for the session, and a service whose figures a test puts in."""

from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import pytest
import redis

from tests.admin.operator import Figures, OperatedService, operated
from tests.service.redis_server import redis_in


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with redis_in(tmp_path_factory) as url:
        yield url


@pytest.fixture(autouse=True)
def no_tries_so_far(redis_url: str) -> None:
    """Tests come from one address, and must not use up each other's tries."""
    # The client's own types leave its commands' answers unknown.
    with cast("Any", redis.Redis).from_url(redis_url) as client:
        for key in client.scan_iter("gaugeway:login:*"):
            client.delete(key)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Generator[OperatedService]:
    """A service for tests that only look at answers."""
    with operated(tmp_path_factory.mktemp("home"), redis_url, Figures()) as service:
        yield service


@pytest.fixture
def service(tmp_path: Path, redis_url: str) -> Generator[OperatedService]:
    """A service of one's own."""
    with operated(tmp_path, redis_url, Figures()) as found:
        yield found
