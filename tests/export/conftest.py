"""Fixtures: one PostgreSQL for the session, one empty database for each test that asks for it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from tests.export.postgresql import PostgreSQL, postgresql
from tests.service.redis_server import redis_in

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class EmptyDatabase:
    """A database of one test."""

    server: PostgreSQL
    name: str

    @property
    def url(self) -> str:
        """Its address, with the password."""
        return self.server.url(self.name)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        return self.server.ask(query, self.name)

    def run(self, command: str) -> None:
        """Run a command."""
        self.server.run(command, self.name)


@pytest.fixture(scope="session")
def postgresql_server() -> Generator[PostgreSQL]:
    with postgresql() as server:
        yield server


@pytest.fixture
def database(postgresql_server: PostgreSQL) -> EmptyDatabase:
    name = f"test_{next(_numbers)}"
    postgresql_server.run(f"CREATE DATABASE {name}")
    return EmptyDatabase(postgresql_server, name)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with redis_in(tmp_path_factory) as url:
        yield url
