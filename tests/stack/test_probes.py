from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from aiohttp import web

from stack.probes import HttpProbe
from tests.stack.conftest import free_ports


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    async def ready(_: web.Request) -> web.Response:
        return web.Response(text="ready")

    async def version(_: web.Request) -> web.Response:
        return web.json_response({"data": {"version": "3.15.0"}})

    async def unready(_: web.Request) -> web.Response:
        return web.Response(status=503)

    app = web.Application()
    app.add_routes(
        [web.get("/ready", ready), web.get("/version", version), web.get("/unready", unready)]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_ports().service
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def test_a_part_that_answers_is_ready_and_says_its_version(url: str) -> None:
    seen = await HttpProbe(f"{url}/ready", f"{url}/version", ("data", "version")).observe()
    assert (seen.ready, seen.version) == (True, "3.15.0")


async def test_a_part_that_does_not_say_its_version_is_ready_all_the_same(url: str) -> None:
    for version_url in (f"{url}/ready", f"{url}/unready", f"{url}/missing"):
        seen = await HttpProbe(f"{url}/ready", version_url, ("data", "version")).observe()
        assert (seen.ready, seen.version) == (True, "")


async def test_a_part_that_is_not_ready_says_why(url: str) -> None:
    seen = await HttpProbe(f"{url}/unready").observe()
    assert (seen.ready, seen.reason) == (False, f"{url}/unready answers 503")


async def test_nobody_at_the_address_is_said_so() -> None:
    address = f"http://127.0.0.1:{free_ports().service}"
    seen = await HttpProbe(address).observe()
    assert (seen.ready, seen.reason) == (False, f"nothing answers at {address}")
