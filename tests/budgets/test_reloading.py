"""The budgets file while the service runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from otel import names
from service.budgets.budgets import Budgets
from service.budgets.declared import BudgetsError, Declared
from service.budgets.file import BudgetsFile
from service.file_watch import ReloadedFile
from tests.budgets.building import Rig, rig

FILE = """
budgets:
  - name: everything
    window: day
    limit: {usd: "0.000000001000"}
    actions: [{at: 100, do: refuse}]
"""


async def until(condition: Callable[[], object]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("waited too long")


def reloads(books: Rig, result: str) -> float:
    points = books.telemetry.metrics().get(names.CONFIGURATION_RELOADS.name, ())
    return sum(
        point.value
        for point in points
        if point.attributes
        == {"gaugeway.configuration.file": "budgets", "gaugeway.configuration.result": result}
    )


async def test_a_changed_file_is_taken_in_and_what_was_spent_stays(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, FILE, started=True) as books:
        await books.settle(await books.reserve(700), 700)
        books.path.write_text(FILE.replace("1000", "2000").replace("day", "day\n    scope: whole"))
        await until(lambda: reloads(books, "applied"))
        lease = await books.reserve(1300)
        assert (lease.holds[0].limit, lease.holds[0].spent) == (2000, 700)


async def test_a_bad_file_is_refused_whole_and_the_old_one_stays(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(redis_url, tmp_path, FILE, started=True) as books:
        good = "  - {name: another, window: hour, limit: {requests: 5}}\n"
        bad = "  - {name: third, window: year, limit: {requests: 5}}\n"
        books.path.write_text(FILE + good + bad)
        await until(lambda: reloads(books, "refused"))
        assert [hold.budget for hold in (await books.reserve(1)).holds] == ["everything"]
        assert "third" in caplog.text
        assert "window" in caplog.text
        assert "stay in force" in caplog.text
        books.path.unlink()
        await until(lambda: reloads(books, "refused") == 2)
        books.path.write_text(FILE + good)
        await until(lambda: reloads(books, "applied"))
        assert len((await books.reserve(1)).holds) == 2


@pytest.mark.parametrize("text", ["", "# Nothing is left of it.\n"])
async def test_an_emptied_file_takes_no_budget_out_of_force(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    async with rig(redis_url, tmp_path, FILE, started=True) as books:
        books.path.write_text(text)
        await until(lambda: reloads(books, "refused"))
        assert [hold.budget for hold in (await books.reserve(1)).holds] == ["everything"]
        assert "write 'budgets: []'" in caplog.text
        books.path.write_text("budgets: []\n")
        await until(lambda: reloads(books, "applied"))
        assert (await books.reserve(1)).holds == ()


async def test_a_bad_file_stops_the_start(redis_url: str, tmp_path: Path) -> None:
    async with rig(redis_url, tmp_path, FILE) as books:

        def read() -> Declared:
            raise BudgetsError("no good")

        made = Budgets(
            file=BudgetsFile(books.path, read),
            scripts=books.scripts,
            bound=books.bounds,
            instruments=books.telemetry.telemetry.instruments,
            now=books.clock,
            writer=books.writer,
        )
        with pytest.raises(BudgetsError, match="no good"):
            await made.start()
        await made.close()


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    path, reads = tmp_path / "budgets.yaml", list[int]()
    path.write_text("budgets: []")

    def read() -> Declared:
        reads.append(1)
        return Declared()

    file = ReloadedFile(
        path, read, fault=BudgetsError, what="budgets", first=Declared(), now=lambda: 0.0
    )
    file.load()
    assert file.reload() is None
    os.utime(path, ns=(1, 1))
    assert file.reload() == "applied"
    assert file.reload() is None
    assert len(reads) == 2


def test_a_file_that_is_written_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    path, budgets = tmp_path / "budgets.yaml", {"half": Declared(), "whole": Declared()}
    path.write_text("whole")

    def read() -> Declared:
        text = path.read_text()
        if text == "half":
            path.write_text("whole")
        return budgets[text]

    file = BudgetsFile(path, read)
    file.load()
    path.write_text("half")
    assert file.reload() is None
    assert file.declared is budgets["whole"]
    assert file.reload() == "applied"
    assert file.declared is budgets["whole"]


async def test_a_file_that_cannot_even_be_refused_does_not_end_the_watch(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(redis_url, tmp_path, FILE, started=True) as books:
        reload, failed = books.file.reload, asyncio.Event()
        loop = asyncio.get_running_loop()

        def fail() -> None:
            monkeypatch.setattr(books.file, "reload", reload)
            loop.call_soon_threadsafe(failed.set)
            raise LookupError

        monkeypatch.setattr(books.file, "reload", fail)
        await asyncio.wait_for(failed.wait(), 10)
        books.path.write_text(FILE.replace("1000", "2000"))
        await until(lambda: reloads(books, "applied"))
        assert (await books.reserve(1300)).holds[0].limit == 2000
