"""One real Redis for the tests of the ledger, emptied for each."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.ledger.servers import Server, programs, server


@pytest.fixture(scope="session", params=programs().values(), ids=list(programs()))
def every_redis(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Server]:
    """Each version there is, in turn."""
    with server(request.param, tmp_path_factory.mktemp("r")) as running:
        yield running


@pytest.fixture(scope="session")
def one_redis(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """The version that is embedded: the oldest."""
    with server(programs()["embedded"], tmp_path_factory.mktemp("r")) as running:
        yield running


@pytest.fixture
def redis(one_redis: Server) -> Server:
    """An empty Redis."""
    one_redis.empty()
    return one_redis


@pytest.fixture
def own_redis(tmp_path: Path) -> Generator[Server]:
    """A Redis that a test may kill."""
    with server(programs()["embedded"], tmp_path / "redis") as running:
        yield running
