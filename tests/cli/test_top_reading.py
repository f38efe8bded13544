from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from cli.top_reading import TopReader
from tests.cli.top_samples import AT, metrics, notable
from tests.cli.top_service import KEY, Service, document, refusal, service


@pytest.fixture
async def standing() -> AsyncGenerator[Service]:
    async with service() as one:
        yield one


@pytest.fixture
async def client() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def reader(client: aiohttp.ClientSession, url: str, **options: Any) -> TopReader:
    return TopReader(client, url, KEY, now=lambda: AT, **options)


async def test_a_healthy_service_is_asked_for_figures_and_requests_alone(
    standing: Service, client: aiohttp.ClientSession
) -> None:
    found = await reader(client, standing.url + "/").read()
    assert found.metrics == metrics()
    assert found.notable == notable()
    assert (found.problem, found.health, found.read_at) == (None, None, AT)
    assert sorted(standing.asked) == ["/admin/notable", "/api/metrics"]
    assert standing.keys == {f"Bearer {KEY}"}


async def test_a_degraded_service_is_asked_what_it_misses(
    standing: Service, client: aiohttp.ClientSession
) -> None:
    standing.answer("/api/metrics", lambda: document(metrics(status="degraded")))
    found = await reader(client, standing.url).read()
    assert found.problem is None
    assert found.health is not None
    assert found.health.collector is not None
    assert found.health.collector.problem == "unreachable"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "does not accept this key (401)"),
        (403, "not an admin's (403)"),
        (404, "answers 404"),
        (302, "answers 302"),
        (500, "answers 500"),
    ],
)
async def test_a_refusal_says_what_to_do(
    standing: Service, client: aiohttp.ClientSession, status: int, said: str
) -> None:
    standing.answer("/api/metrics", lambda: web.Response(status=status, text="no"))
    found = await reader(client, standing.url).read()
    assert found.metrics is None
    assert found.problem is not None
    assert said in found.problem
    assert KEY not in found.problem
    if status in (401, 403):
        assert "gaugeway keys create --role admin" in found.problem


async def test_a_redirect_does_not_take_the_key_along(
    standing: Service, client: aiohttp.ClientSession
) -> None:
    async with service() as other:
        for path in ("/api/metrics", "/admin/notable"):
            standing.answer(
                path,
                lambda: web.Response(status=307, headers={"location": other.url + "/api/metrics"}),
            )
        await reader(client, standing.url).read()
        assert other.asked == []


async def test_a_service_without_redis_says_so_and_what_it_misses(
    standing: Service, client: aiohttp.ClientSession
) -> None:
    top = reader(client, standing.url)
    first = await top.read()
    for path in ("/api/metrics", "/admin/notable"):
        standing.answer(path, lambda: refusal(503, "Metrics cannot be read: Redis is away."))
    second = await top.read()
    assert second.problem == "Metrics cannot be read: Redis is away."
    assert second.health is not None
    assert (second.metrics, second.notable) == (first.metrics, first.notable)
    standing.answers.clear()
    third = await top.read()
    assert (third.problem, third.health) == (None, None)


async def test_a_service_that_is_gone_leaves_its_last_figures(
    client: aiohttp.ClientSession,
) -> None:
    async with service() as standing:
        top = reader(client, standing.url)
        await top.read()
    gone = await top.read()
    assert gone.metrics == metrics()
    assert gone.problem is not None
    assert "cannot be reached" in gone.problem


async def test_a_service_that_never_was_is_a_problem_and_no_figures(
    client: aiohttp.ClientSession,
) -> None:
    found = await reader(client, "http://127.0.0.1:1").read()
    assert found.metrics is None
    assert found.problem is not None
    assert "127.0.0.1:1 cannot be reached (" in found.problem


async def test_a_service_that_hangs_is_not_waited_for(
    standing: Service, client: aiohttp.ClientSession
) -> None:
    over = asyncio.Event()

    async def hanging(request: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    standing.answers["/api/metrics"] = hanging
    found = await reader(client, standing.url, answer_seconds=0.05).read()
    over.set()
    assert found.problem is not None
    assert "does not answer within 0.05 s" in found.problem
    assert found.notable == notable()


@pytest.mark.parametrize("body", ["", "<html>", "{}", "[1]", '{"as_of": 3}', "null"])
async def test_something_else_at_the_address_is_told(
    standing: Service, client: aiohttp.ClientSession, body: str
) -> None:
    standing.answer("/api/metrics", lambda: web.Response(text=body))
    found = await reader(client, standing.url).read()
    assert found.problem is not None
    assert "does not answer as Gaugeway does" in found.problem


async def test_a_newer_service_may_tell_more(
    standing: Service, client: aiohttp.ClientSession
) -> None:
    given: dict[str, Any] = {**metrics().model_dump(mode="json"), "moon_phase": "full"}
    given["today"]["light_years"] = 3
    standing.answer("/api/metrics", lambda: web.json_response(given))
    found = await reader(client, standing.url).read()
    assert (found.problem, found.metrics) == (None, metrics())


async def test_a_service_that_tells_no_requests_still_tells_its_figures(
    standing: Service, client: aiohttp.ClientSession
) -> None:
    standing.answer("/admin/notable", lambda: web.Response(status=404))
    found = await reader(client, standing.url).read()
    assert (found.problem, found.notable) == (None, None)
    assert found.metrics is not None
