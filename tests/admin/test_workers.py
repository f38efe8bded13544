"""What one worker ends is over in all of them: three uvicorn workers, one home, one Redis."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import pytest

from service.access.login_limits import BY_ADDRESS
from service.key_changes import revoke_key, rotate_key
from service.keys import add_key
from tests.admin.crew import Crew, crew_of
from tests.admin.operator import Browser, token_in
from tests.disks import small_disk
from tests.service.running import wait_for
from tests.spoiled_files import SPOILT, replace

TRIES = 24
"""New connections, each taken by any of the workers: all three miss none of them but by a fluke."""


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Generator[Crew]:
    with crew_of(tmp_path_factory.mktemp("crew"), redis_url) as found:
        yield found


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
    assert answers(program) <= {401, 429}  # After some tries it is told when to return.
    assert answers(browser) == {401}


def test_wrong_keys_are_counted_over_all_workers(crew: Crew) -> None:
    browser = Browser(crew, {"x-forwarded-for": "198.51.100.9"})
    statuses = [browser.log_in("nonsense").status for _ in range(BY_ADDRESS + 2)]
    assert statuses == [401] * BY_ADDRESS + [429] * 2
    program = Browser(crew, {"x-forwarded-for": "198.51.100.9", "authorization": "Bearer nonsense"})
    assert answers(program) == {429}


def test_a_logout_on_a_full_disk_holds_in_every_worker_and_outlives_them(
    tmp_path: Path, redis_url: str
) -> None:
    with small_disk(tmp_path / "disk", 1024) as disk:
        with crew_of(disk.path, redis_url) as crew:
            browser = Browser(crew)
            assert browser.log_in(add_key(crew.home, "ops", "admin")).status == 303
            token = token_in(browser.open("/admin/monitoring"))
            cookies = dict(browser.cookies)
            disk.fill()
            assert browser.send("/admin/logout", {"csrf_token": token}).status == 303
            browser.cookies = cookies
            assert answers(browser) == {401}
            disk.free()
            wait_for((disk.path / "ended-sessions").exists, "the session to be written down")
        with crew_of(disk.path, "redis://127.0.0.1:1/0") as crew:
            again = Browser(crew)
            again.cookies = cookies
            assert answers(again) == {401}


def test_a_key_revoked_after_its_file_was_spoilt_opens_nothing_in_any_worker(crew: Crew) -> None:
    key = add_key(crew.home, "leaver", "app")
    program = Browser(crew, {"authorization": f"Bearer {key}"})
    wait_for(lambda: answers(program, "/v1/models") == {200}, "the key in every worker")
    path = crew.home / "keys.json"
    before = path.read_bytes()
    SPOILT["nested too deeply"](path)
    time.sleep(1.5)  # Each worker has to look at it: none of them may be done for by it.
    assert answers(program, "/v1/models") == {200}
    replace(path, before)
    revoke_key(crew.home, key.split("_")[1])
    wait_for(lambda: answers(program, "/v1/models") == {401}, "its end in every worker")
