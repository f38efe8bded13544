from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cli import ledger_source
from cli.exporting import Order, span_of
from cli.main import main
from service.ledger.calendar import Calendar
from service.ledger.export.rows import COLUMNS
from service.ledger.export.span import DateError, Span
from service.ledger.loss_file import Lost
from service.ledger.loss_recording import LossRecorder
from service.ledger.scripts import ScriptQueue
from service.money import dollars
from service.redis_store import RedisStore
from tests.cli.conftest import Ran
from tests.disks import small_disk
from tests.export.conftest import EmptyDatabase
from tests.export.postgresql import PASSWORD
from tests.export.recorded import entry, fill, varied

CALENDAR = Calendar("Asia/Tokyo")
TODAY = datetime.now(CALENDAR.zone).date()
YESTERDAY = TODAY - timedelta(days=1)
ENTRIES = varied([CALENDAR.midnight(TODAY), CALENDAR.midnight(YESTERDAY)], 120)
COST = sum((dollars(one.cost or 0) for one in ENTRIES), Decimal(0))

Gaugeway = Callable[..., Ran]


async def filled(redis_url: str) -> None:
    await fill(redis_url, CALENDAR, ENTRIES)


@pytest.fixture
def gaugeway(
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Gaugeway:
    monkeypatch.setenv("GAUGEWAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REDIS_URL", redis_url)
    # Of another zone than the service had: the ledger's own counts.
    monkeypatch.setenv("GAUGEWAY_TIME_ZONE", "America/New_York")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["gaugeway", "export", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    return run


def total_of(rows: list[dict[str, str]]) -> Decimal:
    amounts = (Decimal(row["cost_usd"]) for row in rows if row["dimension"] == "total")
    return sum(amounts, Decimal(0))


async def in_thread(gaugeway: Gaugeway, *arguments: str) -> Ran:
    """The command runs a loop of its own, which a test's loop does not allow beside itself."""
    return await asyncio.to_thread(gaugeway, *arguments)


async def test_csv_goes_to_standard_output(gaugeway: Gaugeway, redis_url: str) -> None:
    await filled(redis_url)
    ran = await in_thread(gaugeway, "--from", str(YESTERDAY), "--to", str(TODAY), "--format", "csv")
    assert ran.code == 0
    rows = list(csv.DictReader(io.StringIO(ran.out, newline="")))
    assert total_of(rows) == COST
    assert {row["day"] for row in rows} == {str(YESTERDAY), str(TODAY)}
    assert {row["starts_at"][-6:] for row in rows} == {"+09:00"}
    assert f"{len(rows)} rows, {YESTERDAY} to {TODAY} by day (Asia/Tokyo)" in ran.err


@pytest.mark.parametrize("form", ["json", "jsonl"])
async def test_json_goes_to_a_file(
    gaugeway: Gaugeway, redis_url: str, tmp_path: Path, form: str
) -> None:
    await filled(redis_url)
    ran = await in_thread(gaugeway, "--format", form, "--output", "usage.json", "-q")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    text = (tmp_path / "usage.json").read_text()
    rows = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]
    assert total_of(rows) == COST
    assert [*rows[0]] == [column.name for column in COLUMNS]
    assert [path.name for path in tmp_path.iterdir()] == ["usage.json"]


async def test_every_grain_tells_the_same_whole(gaugeway: Gaugeway, redis_url: str) -> None:
    await filled(redis_url)
    for grain in ("hour", "day", "month"):
        ran = await in_thread(gaugeway, "--by", grain)
        rows = list(csv.DictReader(io.StringIO(ran.out, newline="")))
        assert total_of(rows) == COST
        assert {row["grain"] for row in rows} == {grain}


async def test_a_second_export_into_postgresql_adds_nothing(
    gaugeway: Gaugeway, redis_url: str, database: EmptyDatabase
) -> None:
    await filled(redis_url)
    days = ("--from", str(YESTERDAY), "--to", str(TODAY))
    first = await in_thread(gaugeway, *days, "--to", database.url)
    again = await in_thread(gaugeway, *days, "--to", database.url)
    assert (first.code, again.code) == (0, 0)
    (count,) = database.ask("SELECT count(*) FROM gaugeway_usage")[0]
    assert f"gaugeway_usage: {count} rows added, 0 brought up to date" in first.err
    assert f"0 rows added, 0 brought up to date, {count} as they were" in again.err
    whole = "SELECT sum(cost_usd) FROM gaugeway_usage WHERE dimension = 'total'"
    assert database.ask(whole) == [(COST,)]
    assert PASSWORD not in first.out + first.err + again.out + again.err


async def test_what_has_grown_since_is_brought_up_to_date(
    gaugeway: Gaugeway, redis_url: str, database: EmptyDatabase
) -> None:
    await filled(redis_url)
    await in_thread(gaugeway, "--to", database.url)
    more = [*ENTRIES, entry(CALENDAR.midnight(TODAY), 999, app="new", cost=5)]
    await fill(redis_url, CALENDAR, more)
    ran = await in_thread(gaugeway, "--until", "today", "--to", database.url)
    assert "gaugeway_usage: 1 row added" in ran.err
    whole = "SELECT sum(cost_usd) FROM gaugeway_usage WHERE dimension = 'total'"
    assert database.ask(whole) == [(COST + dollars(5),)]
    assert database.ask("SELECT requests FROM gaugeway_usage WHERE name = 'new'") == [(1,)]


async def test_a_refused_password_is_not_shown(
    gaugeway: Gaugeway, redis_url: str, database: EmptyDatabase
) -> None:
    await filled(redis_url)
    wrong = database.server.url(database.name, password="wr0ng-one")
    ran = await in_thread(gaugeway, "--to", wrong)
    assert ran.code == 1
    assert "cannot be reached" in ran.err
    assert "wr0ng-one" not in ran.out + ran.err


async def test_nothing_recorded_is_a_header_and_says_so(gaugeway: Gaugeway, redis_url: str) -> None:
    await fill(redis_url, CALENDAR, [])
    ran = await in_thread(gaugeway)
    assert (ran.code, ran.out.count("\r\n")) == (0, 1)
    assert "0 rows" in ran.err


async def test_a_redis_that_is_away_leaves_the_old_file_as_it_was(
    gaugeway: Gaugeway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "usage.csv").write_text("the old one")
    monkeypatch.setenv("REDIS_URL", "redis://user:s3cret@127.0.0.1:1/0")
    ran = await in_thread(gaugeway, "--output", "usage.csv")
    assert ran.code == 1
    assert "Redis did not answer" in ran.err
    assert "s3cret" not in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["usage.csv"]
    assert (tmp_path / "usage.csv").read_text() == "the old one"


async def test_a_redis_that_hangs_is_not_waited_for_long(
    gaugeway: Gaugeway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket that accepts and says nothing, as a stopped process does."""
    monkeypatch.setattr(ledger_source, "_ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("REDIS_URL", f"redis://user:s3cret@127.0.0.1:{port}/0")
        began = time.monotonic()
        ran = await in_thread(gaugeway)
    assert ran.code == 1
    assert ran.err.startswith("error Redis did not answer within")
    assert "s3cret" not in ran.err
    assert time.monotonic() - began < 15


async def test_a_file_that_cannot_be_made_is_named_as_it_was_given(
    gaugeway: Gaugeway, redis_url: str
) -> None:
    ran = await in_thread(gaugeway, "--output", "nowhere/usage.csv")
    assert ran.code == 1
    assert (
        ran.err.strip() == "error nowhere/usage.csv cannot be written: No such file or directory."
    )


async def test_a_disk_that_is_full_is_said_and_leaves_the_old_file(
    gaugeway: Gaugeway, redis_url: str, tmp_path: Path
) -> None:
    await filled(redis_url)
    with small_disk(tmp_path / "disk", 64) as disk:
        output = disk.path / "usage.csv"
        output.write_text("last month")
        disk.fill(leave=8192)
        ran = await in_thread(gaugeway, "--output", str(output))
        assert ran.code == 1
        said = f"error {output} cannot be written: No space left on device."
        assert " ".join(ran.err.split()) == said
        assert output.read_text() == "last month"
        assert {path.name for path in disk.path.iterdir()} == {"usage.csv", ".ballast"}


async def test_what_was_lost_is_said(gaugeway: Gaugeway, redis_url: str) -> None:
    await filled(redis_url)
    store = RedisStore(redis_url, timeout=5, pool_size=2)
    moment = int(CALENDAR.midnight(TODAY).timestamp() * 1000)
    recorder = LossRecorder(ScriptQueue(store), CALENDAR)
    await recorder.tell("worker", 0, Lost(1, moment, "journal_full", {"requests": 39, "cost": 7}))
    await store.close()
    ran = await in_thread(gaugeway, "--from", str(YESTERDAY))
    assert "39 of these requests were lost" in ran.err
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    (lost,) = [row for row in rows if row["dimension"] == "lost"]
    assert (lost["name"], lost["requests"]) == ("journal_full", "39")
    assert total_of(rows) == COST


async def test_days_that_are_no_longer_kept_are_said_to_be(
    gaugeway: Gaugeway, redis_url: str
) -> None:
    await filled(redis_url)
    old = await in_thread(gaugeway, "--from", "2024-01-01", "--to", "2024-01-31")
    kept = str(TODAY - timedelta(days=36))
    assert old.code == 0
    assert f"from before {kept} the ledger keeps nothing by day" in old.err
    assert "GAUGEWAY_LEDGER_DAYS" in old.err
    assert "keeps nothing" not in (await in_thread(gaugeway, "--from", kept)).err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--from", "2026-11-02", "--to", "2026-11-01"), 1, "is after the last one"),
        (("--from", "November"), 1, "'November' is not a day"),
        (("--from", "2026-02-30"), 1, "is not a day"),
        (("--until", "9999-12-31"), 1, "no ledger before 2000-01-01 or after 9000-01-01"),
        (("--from", "0001-01-01", "--by", "hour"), 1, "no ledger before 2000-01-01"),
        (("--to", "2026-11-01", "--until", "2026-11-02"), 2, "more than once"),
        (("--to", "postgresql://a/b", "--to", "postgres://c/d"), 2, "more than one address"),
        (("--to", "mysql://u:s3cret@h/d"), 2, "begins with postgresql://"),
        (("--to", "host=h password=s3cret"), 2, "begins with postgresql://"),
        (("--to", "postgresql://h/d", "--format", "csv"), 2, "leave them out"),
        (("--table", "t"), 2, "give --to postgresql://"),
        (("--to", "postgresql://h/d", "--table", "a.b.c"), 1, "not the name of a table"),
        (
            (
                "--to",
                "postgresql://u:s3cret@[h/d",
            ),
            1,
            "cannot be read",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    gaugeway: Gaugeway, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = gaugeway(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert "s3cret" not in ran.err
    assert "Traceback" not in ran.err


def test_without_a_ledger_it_says_how_to_have_one(
    gaugeway: Gaugeway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL")
    ran = gaugeway()
    assert ran.code == 1
    assert "gaugeway up" in ran.err


def test_an_embedded_ledger_is_found_though_no_service_runs(
    tmp_path: Path, gaugeway: Gaugeway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL")
    (tmp_path / "home" / "redis").mkdir(parents=True)
    ran = gaugeway()
    assert (ran.code, ran.out.count("\r\n")) == (0, 1)


async def test_a_reader_that_has_enough_is_no_error(redis_url: str, tmp_path: Path) -> None:
    await fill(
        redis_url,
        CALENDAR,
        [entry(CALENDAR.midnight(TODAY), n, user=f"user{n}") for n in range(1, 2_000)],
    )
    script = f"{sys.executable} -c 'from cli.main import main; main()' export | head -n 1"
    environment = {**os.environ, "REDIS_URL": redis_url, "GAUGEWAY_HOME": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("grain,day,")


def test_without_a_first_day_it_is_all_that_is_kept() -> None:
    calendar = Calendar("UTC")
    today = datetime(2026, 11, 21).date()
    assert span_of(Order(), today, calendar) == Span(today - timedelta(days=36), today)
    assert span_of(Order(grain="hour"), today, calendar).first == today - timedelta(days=4)
    assert span_of(Order(last="yesterday", first="yesterday"), today, calendar) == Span(
        today - timedelta(days=1), today - timedelta(days=1)
    )
    with pytest.raises(DateError):
        span_of(Order(first="tomorrow"), today, calendar)
