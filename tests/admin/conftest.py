"""Fixtures: one Redis for the session, and a service whose figures a test puts in."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.admin.operator import Figures, OperatedService, operated
from tests.service.redis_server import redis_in


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with redis_in(tmp_path_factory) as url:
        yield url


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
