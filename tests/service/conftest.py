"""Fixtures: one Redis for the session, one service for each test file that asks for it."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.service.redis_server import redis_in
from tests.service.running import RunningService, running, settings_for


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with redis_in(tmp_path_factory) as url:
        yield url


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Generator[RunningService]:
    """A service for tests that only look at answers."""
    with running(settings_for(tmp_path_factory.mktemp("home"), redis_url)) as service:
        yield service


@pytest.fixture
def service(tmp_path: Path, redis_url: str) -> Generator[RunningService]:
    """A service of one's own, whose telemetry starts empty."""
    with running(settings_for(tmp_path, redis_url)) as running_service:
        yield running_service
