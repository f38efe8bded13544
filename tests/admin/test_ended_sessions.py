"""A session that somebody logged out of is over, whatever becomes of the disk or of Redis."""

from __future__ import annotations

import logging
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from otel import names
from otel.testing import Recorded, recorded
from service.access.ended import EndedSessions
from service.access.sessions import Session
from service.redis_store import RedisStore, StoreUnavailable
from service.runtime import Runtime
from tests.admin.operator import Browser, Figures, OperatedService, operated, token_in
from tests.disks import Disk, small_disk
from tests.service.running import wait_for
from tests.spoiled_files import SPOILT, remove

LIFETIME = 100.0
AWAY = "redis://127.0.0.1:1/0"


class Away:
    async def run(self, name: str, command: Callable[[Redis], Awaitable[Any]]) -> Any:
        raise StoreUnavailable("away")


@dataclass
class Home:
    """A home whose workers a test makes, on a clock that it sets."""

    path: Path
    telemetry: Recorded
    store: Any = field(default_factory=Away)
    now: float = 1_000.0

    def worker(self) -> EndedSessions:
        return EndedSessions(
            self.path,
            self.store,
            lifetime=LIFETIME,
            instruments=self.telemetry.telemetry.instruments,
            now=lambda: self.now,
        )

    def session(self, name: str) -> Session:
        return Session(name, "key", self.now, self.now + LIFETIME)

    @property
    def file(self) -> Path:
        return self.path / "ended-sessions"


@pytest.fixture
def telemetry() -> Generator[Recorded]:
    with recorded() as telemetry:
        yield telemetry


@pytest.fixture
def home(tmp_path: Path, telemetry: Recorded) -> Home:
    return Home(tmp_path, telemetry)


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Disk]:
    with small_disk(tmp_path / "disk", 64) as mounted:
        yield mounted


@pytest.fixture
async def redis(redis_url: str) -> AsyncGenerator[RedisStore]:
    store = RedisStore(f"{redis_url}?db=6", timeout=5, pool_size=2)
    await store.run("FLUSHDB", lambda client: cast("Any", client).flushdb())
    yield store
    await store.close()


async def test_an_ended_session_is_over_in_all_workers_and_remembered_as_long_as_it_would_last(
    home: Home,
) -> None:
    first, other = home.worker(), home.worker()
    one, two = home.session("one"), home.session("two")
    assert await first.end(one) == "file"
    assert await first.is_over(one)
    assert await other.is_over(one)
    assert not await other.is_over(two)
    home.now += LIFETIME + 1
    late = home.session("late")
    await first.end(late)
    assert await other.is_over(late)
    assert lines(home) == [f"late {late.ends_at:.0f}"]
    assert stat.S_IMODE(home.file.stat().st_mode) == 0o600


async def test_on_a_full_disk_redis_tells_the_other_workers_and_the_file_follows(
    disk: Disk, telemetry: Recorded, redis: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    home = Home(disk.path, telemetry, redis)
    before = home.session("before")
    first, other = home.worker(), home.worker()
    await first.end(before)
    written = home.file.read_bytes()
    disk.fill()
    session = home.session("one")
    assert await first.end(session) == "redis"
    assert await first.is_over(session)
    assert await other.is_over(session)
    assert home.file.read_bytes() == written
    assert {path.name for path in disk.path.iterdir()} == {
        ".ballast",
        "ended-sessions",
        "keys.lock",
    }
    for _ in range(5):
        await first.task.take_turn()
    assert first.task.problem is not None
    assert "No space left on device" in first.task.problem
    (said,) = caplog.records
    assert "No space left on device" in said.message
    assert said.exc_info is None
    assert "Traceback" not in said.message
    disk.free()
    await first.task.take_turn()
    assert first.task.problem is None
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    home.store = Away()
    assert await home.worker().is_over(session)
    assert await home.worker().is_over(before)


async def test_without_disk_and_redis_it_is_over_in_one_worker_until_either_is_back(
    disk: Disk, telemetry: Recorded
) -> None:
    home = Home(disk.path, telemetry)
    first, other = home.worker(), home.worker()
    session = home.session("one")
    disk.fill()
    assert await first.end(session) == "worker"
    assert await first.is_over(session)
    assert not await other.is_over(session)
    disk.free()
    await first.task.take_turn()
    assert await other.is_over(session)


async def test_what_is_not_written_yet_is_tried_once_more_at_the_end(
    disk: Disk, telemetry: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    home = Home(disk.path, telemetry)
    first, second = home.worker(), home.worker()
    one, two = home.session("one"), home.session("two")
    disk.fill()
    await first.end(one)
    await second.end(two)
    await second.close()
    assert "will be open again" in caplog.text
    disk.free()
    await first.close()
    assert await home.worker().is_over(one)
    assert not await home.worker().is_over(two)


@pytest.mark.parametrize("kind", SPOILT)
async def test_a_spoilt_list_ends_what_began_before_and_nobody_is_sent_back_to_the_form(
    home: Home, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    first, other = home.worker(), home.worker()
    home.now = home.path.stat().st_ctime - 50
    ended, open_before = home.session("ended"), home.session("open")
    await first.end(ended)
    assert not await first.is_over(open_before)
    SPOILT[kind](home.file)
    home.now = home.path.stat().st_ctime + 1
    harmless = kind == "gone"
    for worker in (first, other, home.worker()):
        assert not await worker.is_over(home.session("after"))
        assert await worker.is_over(open_before) is not harmless
    assert await first.is_over(ended)
    await first.task.take_turn()
    if kind == "a directory":
        assert first.task.problem is not None
        assert "Is a directory" in first.task.problem
        remove(home.file)
        await first.task.take_turn()
    assert first.task.problem is None
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == (0 if harmless else 2 if kind == "a directory" else 1)
    assert home.file.is_file()
    assert not home.file.is_symlink()
    again = home.worker()
    assert await again.is_over(ended)
    assert not await again.is_over(home.session("after"))
    if not harmless:
        assert await again.is_over(open_before)


async def test_lines_that_can_be_read_count_beside_those_that_cannot(home: Home) -> None:
    worker = home.worker()
    one = home.session("one")
    await worker.end(one)
    home.file.write_bytes(home.file.read_bytes() + b"\xff\xfe garbage\ntwo nan\nthree inf\n")
    found = home.worker()
    assert await found.is_over(one)
    await found.task.take_turn()
    assert "one " in home.file.read_text()
    assert "garbage" not in home.file.read_text()


async def test_the_place_of_lost_lines_is_given_up_when_nothing_is_left_of_that_time(
    home: Home,
) -> None:
    worker = home.worker()
    home.now = home.path.stat().st_ctime
    home.file.write_text("garbage")
    await worker.task.take_turn()
    assert lines(home)[0].startswith("* ")
    home.now += LIFETIME + 100
    await worker.end(home.session("one"))
    assert [line.split()[0] for line in lines(home)] == ["one"]


async def test_a_list_that_changes_in_the_future_ends_nothing_that_begins_now(home: Home) -> None:
    """Where the clock was set back, the time of the file's change is yet to come."""
    home.now = 1_000.0
    home.file.write_text("garbage")
    worker = home.worker()
    home.now += 1
    await worker.task.take_turn()
    home.now += 1
    assert not await worker.is_over(home.session("after"))


def lines(home: Home) -> list[str]:
    """What the file says, without its remark."""
    remark, *found = home.file.read_text().splitlines()
    assert remark.startswith("#")
    return found


def session_token(service: OperatedService, browser: Browser) -> str:
    return token_in(browser.open("/admin/monitoring"))


def background(service: OperatedService) -> dict[str, str]:
    return service.running.request("GET", "/readyz").json["background"]


@pytest.mark.parametrize("redis_is_there", [True, False])
def test_logging_out_on_a_full_disk_ends_the_session_and_says_what_holds(
    disk: Disk, redis_url: str, redis_is_there: bool
) -> None:
    url = redis_url if redis_is_there else AWAY
    with operated(disk.path, url, Figures()) as service:
        browser = Browser(service)
        assert browser.log_in(service.admin).status == 303
        stolen, token = dict(browser.cookies), session_token(service, browser)
        disk.fill()
        gone = browser.send("/admin/logout", {"csrf_token": token})
        assert gone.status == (303 if redis_is_there else 202)
        assert "gaugeway_session" not in browser.cookies
        if not redis_is_there:
            assert b"other workers" in gone.body
            assert b'name="csrf_token"' in gone.body
        browser.cookies = stolen
        assert browser.open("/admin/usage").status == 401
        wait_for(
            lambda: (
                "ended sessions" in service.running.request("GET", "/readyz").json["background"]
            ),
            "it to be told",
        )
        file = disk.path / "ended-sessions"
        assert not file.exists()
        disk.free()
        wait_for(file.exists, "the session to be written down")
        wait_for(lambda: background(service) == {}, "it to be told")
        again = Browser(service)
        assert again.log_in(service.admin).status == 303
        assert again.open("/admin/usage").status == 200


def test_logging_out_again_and_again_on_a_full_disk_never_fails(disk: Disk) -> None:
    with operated(disk.path, AWAY, Figures()) as service:
        browsers = [Browser(service) for _ in range(8)]
        tokens: list[str] = []
        for browser in browsers:
            assert browser.log_in(service.admin).status == 303
            tokens.append(session_token(service, browser))
        disk.fill()
        stolen = [dict(browser.cookies) for browser in browsers]
        for browser, token in zip(browsers, tokens, strict=True):
            assert browser.send("/admin/logout", {"csrf_token": token}).status == 202
        for browser, cookies in zip(browsers, stolen, strict=True):
            browser.cookies = cookies
            assert browser.open("/admin/usage").status == 401


def test_a_spoilt_list_over_http_asks_for_one_more_login_and_no_second(
    service: OperatedService,
) -> None:
    browser = Browser(service)
    assert browser.log_in(service.admin).status == 303
    assert browser.open("/admin/usage").status == 200
    SPOILT["binary"](service.home / "ended-sessions")
    assert browser.open("/admin/usage").status == 401
    for _ in range(3):
        again = Browser(service)
        assert again.log_in(service.admin).status == 303
        assert again.open("/admin/usage").status == 200
    runtime: Runtime = service.running.runtime
    value = service.running.telemetry.value(
        names.BACKGROUND_TASK_UP, gaugeway_background_task_name="ended sessions"
    )
    assert value == 1
    assert runtime.ready
