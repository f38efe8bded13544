"""Checks that fail are made again until they do not, or until time is up."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from cli.proving import looking
from cli.proving.answers import Backends, RefusedError
from cli.proving.dashboards import Question
from cli.proving.finding import Finding
from cli.proving.looking import proven
from grafana.dashboards.variable_values import TimeRange

BACKEND = "prometheus"


def check_after(failures: int, made: list[int]) -> looking.Check:
    async def check() -> Finding:
        made.append(1)
        return Finding("panel", "slos", "A", "failed" if len(made) <= failures else "proven")

    return check


async def test_a_check_that_fails_is_made_again_and_one_that_is_proven_is_not() -> None:
    once: list[int] = []
    thrice: list[int] = []
    checks = [check_after(0, once), check_after(2, thrice)]
    findings = await proven(checks, lambda _: None, bound=30.0, pause=0.0)
    assert [finding.outcome for finding in findings] == ["proven", "proven"]
    assert (len(once), len(thrice)) == (1, 3)


async def test_a_check_that_goes_on_failing_is_failed_when_time_is_up() -> None:
    [finding] = await proven([check_after(10**9, [])], lambda _: None, bound=0.0, pause=0.0)
    assert finding.outcome == "failed"


@pytest.fixture
async def answering() -> AsyncGenerator[tuple[list[dict[str, str]], Backends]]:
    """A Prometheus whose answers are what the query says, and what it was asked."""
    asked: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        if request.query["query"] == "refused":
            return web.Response(status=400, text="parse error")
        values = [[1, value] for value in request.query["query"].split()]
        rows: list[dict[str, Any]] = [{"metric": {}, "values": values}] if values else []
        return web.json_response({"data": {"result": rows}})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield asked, Backends(session, {BACKEND: url})
    await runner.cleanup()


def question(expression: str, interval: str = "") -> Question:
    return Question("slos", "P", "A", BACKEND, expression, instant=False, interval=interval)


@pytest.mark.parametrize(
    ("answer", "rows"), [("1 2", 1), ("NaN 0", 1), ("NaN NaN", 0), ("+Inf", 0)]
)
async def test_what_shows_nothing_is_no_data(
    answering: tuple[list[dict[str, str]], Backends], answer: str, rows: int
) -> None:
    assert len(await answering[1].rows(question(answer), TimeRange(0, 3600), {})) == rows


async def test_a_refusal_is_told(answering: tuple[list[dict[str, str]], Backends]) -> None:
    with pytest.raises(RefusedError, match="prometheus answers 400: parse error"):
        await answering[1].rows(question("refused"), TimeRange(0, 3600), {})


async def test_steps_are_aligned_as_grafana_aligns_them(
    answering: tuple[list[dict[str, str]], Backends],
) -> None:
    await answering[1].rows(question("1", "1h"), TimeRange(3700.0, 8000.0), {})
    [asked] = answering[0]
    assert (asked["start"], asked["end"], asked["step"]) == ("3600.000", "7200.000", "3600")
