"""What one worker ends is over in all of them: three uvicorn workers, one home, one Redis."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.serving import free_port, serving, uvicorn
from service.access.login_limits import BY_ADDRESS
from service.key_changes import revoke_key, rotate_key
from service.keys import add_key
from tests.admin.operator import Browser, token_in

WORKERS = 3
TRIES = 24
"""New connections, each taken by any of the workers: all three miss none of them but by a fluke."""


@dataclass(frozen=True, slots=True)
class Crew:
    """A service of several workers."""

    port: int
    home: Path


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Generator[Crew]:
    port, home = free_port(), tmp_path_factory.mktemp("crew")
    environment = {
        "REDIS_URL": redis_url,
        "OTEL_SDK_DISABLED": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    }
    with serving(uvicorn(port, workers=WORKERS), port=port, home=home, environment=environment):
        yield Crew(port, home)


def answers(browser: Browser, path: str = "/admin/budgets") -> set[int]:
    """The statuses of many requests, each over a connection of its own."""
    return {browser.open(path).status for _ in range(TRIES)}


def test_a_session_holds_in_every_worker_and_ends_in_all_at_once(crew: Crew) -> None:
    browser = Browser(crew)
    assert browser.log_in(add_key(crew.home, "ops", "admin")).status == 303
    assert answers(browser) == {200}
    token = token_in(browser.open("/admin/monitoring"))
    cookies = dict(browser.cookies)
    assert browser.send("/admin/logout", {"csrf_token": token}).status == 303
    browser.cookies = cookies
    assert answers(browser) == {401}


@pytest.mark.parametrize("change", [revoke_key, rotate_key])
def test_a_key_that_is_taken_away_opens_nothing_in_any_worker(crew: Crew, change: object) -> None:
    key = add_key(crew.home, "ops", "admin")
    browser, program = Browser(crew), Browser(crew, {"authorization": f"Bearer {key}"})
    assert browser.log_in(key).status == 303
    assert answers(browser) == answers(program) == {200}
    assert callable(change)
    change(crew.home, key.split("_")[1])
    assert answers(program) == {401}
    assert answers(browser) == {401}


def test_attempts_are_counted_over_all_workers(crew: Crew) -> None:
    browser = Browser(crew, {"x-forwarded-for": "198.51.100.9"})
    statuses = [browser.log_in("nonsense").status for _ in range(BY_ADDRESS + 2)]
    assert statuses == [401] * BY_ADDRESS + [429] * 2
