"""Work beside requests: nothing that it meets ends it, and what it cannot do is told once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator

import pytest

from otel import names
from otel.testing import Recorded, recorded
from service.background import BackgroundTask

TROUBLES: list[BaseException] = [
    RecursionError("maximum recursion depth exceeded"),
    MemoryError(),
    OSError(24, "Too many open files"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    asyncio.CancelledError(),
    TimeoutError(),
    StopIteration(),
    AssertionError("never"),
    ExceptionGroup("many", [ValueError(1), TypeError(2)]),
]


@pytest.fixture
def telemetry() -> Generator[Recorded]:
    with recorded() as telemetry:
        yield telemetry


class Work:
    """Takes turns, and fails in those that `trouble` names."""

    def __init__(self, trouble: dict[int, BaseException]) -> None:
        self.trouble = trouble
        self.turns = 0
        self.taken = asyncio.Event()

    async def turn(self) -> None:
        self.turns += 1
        self.taken.set()
        if (trouble := self.trouble.get(self.turns)) is not None:
            raise trouble

    async def until(self, turns: int) -> None:
        async with asyncio.timeout(10):
            while self.turns < turns:
                self.taken.clear()
                await self.taken.wait()


def task(telemetry: Recorded, turn: Callable[[], Awaitable[str | None]], **more: object) -> (
    BackgroundTask
):  # fmt: skip
    return BackgroundTask(
        "some work",
        turn,
        every=0.001,
        instruments=telemetry.telemetry.instruments,
        meanwhile="What was known is kept.",
        **more,  # type: ignore[arg-type]
    )


def up(telemetry: Recorded) -> float:
    return telemetry.value(names.BACKGROUND_TASK_UP, gaugeway_background_task_name="some work")


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: type(trouble).__name__)
async def test_nothing_that_a_turn_raises_ends_the_work(
    telemetry: Recorded, caplog: pytest.LogCaptureFixture, trouble: BaseException
) -> None:
    work = Work(dict.fromkeys(range(2, 7), trouble))
    background = task(telemetry, work.turn)
    background.start()
    await work.until(6)
    assert background.problem is not None
    assert up(telemetry) == 0
    await work.until(8)
    assert background.problem is None
    assert up(telemetry) == 1
    await background.close()
    began, ended = (record for record in caplog.records if record.name == "service.background")
    assert (began.levelno, ended.levelno) == (logging.ERROR, logging.WARNING)
    assert "some work" in began.message
    assert "What was known is kept." in began.message
    assert "works again" in ended.message


async def test_another_kind_of_trouble_is_told_too(
    telemetry: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work({1: KeyError("a"), 2: KeyError("b"), 3: OSError(5, "Input/output error")})
    background = task(telemetry, work.turn)
    for _ in range(3):
        await background.take_turn()
    assert [record.message.split(".")[0] for record in caplog.records] == [
        "some work: KeyError: 'a'",
        "some work: OSError: [Errno 5] Input/output error",
    ]


async def test_what_was_told_already_is_a_problem_without_a_line(
    telemetry: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    problems: list[str | None] = ["the file is empty", None]

    async def turn() -> str | None:
        return problems.pop(0)

    background = task(telemetry, turn)
    await background.take_turn()
    assert (background.problem, up(telemetry)) == ("the file is empty", 0)
    await background.take_turn()
    assert (background.problem, up(telemetry)) == (None, 1)
    assert not caplog.records


async def test_a_turn_that_does_not_come_back_is_told_of(
    telemetry: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    come_back = asyncio.Event()

    async def turn() -> None:
        await come_back.wait()

    background = task(telemetry, turn, patience=0.01)
    background.start()
    async with asyncio.timeout(10):
        while background.problem is None:
            await asyncio.sleep(0.001)
    assert up(telemetry) == 0
    assert "0.01 s" in caplog.text
    come_back.set()
    async with asyncio.timeout(10):
        while not up(telemetry):
            await asyncio.sleep(0.001)
    await background.close()


async def test_it_ends_when_it_is_closed_in_the_middle_of_a_turn(
    telemetry: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    begun = asyncio.Event()

    async def turn() -> None:
        begun.set()
        await asyncio.Event().wait()

    background = task(telemetry, turn, at_once=True)
    background.start()
    await begun.wait()
    await background.close()
    await background.close()
    assert not caplog.records
    assert "some work" not in {found.get_name() for found in asyncio.all_tasks()}


async def test_an_endless_turn_is_begun_anew_where_it_failed_and_ends_where_it_ends(
    telemetry: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    stop = asyncio.Event()
    runs: list[int] = []

    async def run() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise RecursionError
        await stop.wait()

    background = task(telemetry, run, at_once=True, endless=True, patience=0.01)
    background.start()
    async with asyncio.timeout(10):
        while len(runs) < 2 or background.problem is not None:
            await asyncio.sleep(0.001)
    stop.set()
    await background.finish(5)
    assert len(runs) == 2
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
