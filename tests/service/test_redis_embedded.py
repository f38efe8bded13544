"""The embedded Redis: one server for all workers, gone when the last of them is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from service import redis_embedded
from service.cache import CacheDirective
from service.redis_embedded import EmbeddedRedis, EmbeddedRedisError, answers, socket_path
from tests.service.gateway_under_test import chat_request, started_runtime
from tests.service.running import settings_for, wait_for

HOLD = """
import sys, time
from pathlib import Path
from service.cache import CacheDirective
from service.redis_embedded import EmbeddedRedis
print(EmbeddedRedis(Path(sys.argv[1])).start(), flush=True)
time.sleep(60)
"""


def server_pid(url: str) -> int:
    with redis.Redis.from_url(url) as client:  # pyright: ignore[reportUnknownMemberType] - untyped kwargs
        return int(client.info("server")["process_id"])  # type: ignore[index]


def nothing(name: str) -> None:
    """What is found of a name where nothing is installed."""


def gone(pid: int) -> bool:
    """Whether a process has ended; nobody may be left to collect it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_workers_share_one_server_and_the_last_one_ends_it(tmp_path: Path) -> None:
    first, second = EmbeddedRedis(tmp_path), EmbeddedRedis(tmp_path)
    url = first.start()
    assert second.start() == url
    pid = server_pid(url)
    first.leave()
    first.leave()
    assert server_pid(url) == pid
    second.leave()
    wait_for(lambda: gone(pid), "the server to end")
    assert not socket_path(tmp_path / "run").exists()


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    embedded = EmbeddedRedis(tmp_path)
    url = embedded.start()
    pid = server_pid(url)
    with redis.Redis.from_url(url) as client:  # pyright: ignore[reportUnknownMemberType] - untyped kwargs
        client.set("kept", "yes")
    embedded.leave()
    wait_for(lambda: gone(pid), "the server to end")
    url = embedded.start()
    with redis.Redis.from_url(url) as client:  # pyright: ignore[reportUnknownMemberType] - untyped kwargs
        assert client.get("kept") == b"yes"
    embedded.leave()


def test_a_worker_that_is_killed_lets_go_too(tmp_path: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    with worker, worker.stdout:
        url = worker.stdout.readline().strip()
        pid = server_pid(url)
        worker.kill()
        worker.wait()
    wait_for(lambda: gone(pid), "the server to end")


def test_a_server_that_is_killed_is_started_again(tmp_path: Path) -> None:
    embedded = EmbeddedRedis(tmp_path)
    pid = server_pid(embedded.start())
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: gone(pid), "the server to end")
    wait_for(lambda: answers(socket_path(tmp_path / "run")), "another one")
    embedded.leave()


def test_a_server_whose_guard_was_killed_is_replaced_by_one_that_is_guarded(
    tmp_path: Path,
) -> None:
    first = EmbeddedRedis(tmp_path)
    orphan = server_pid(first.start())
    guard = int(Path(f"/proc/{orphan}/stat").read_text().rsplit(")", 1)[1].split()[1])
    os.kill(guard, signal.SIGKILL)
    wait_for(lambda: gone(guard), "the guard to end")
    second = EmbeddedRedis(tmp_path)
    pid = server_pid(second.start())
    assert pid != orphan
    wait_for(lambda: gone(orphan), "the orphan to end")
    first.leave()
    second.leave()
    wait_for(lambda: gone(pid), "the server to end")


def test_a_home_with_a_long_path_works(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    embedded = EmbeddedRedis(home)
    pid = server_pid(embedded.start())
    embedded.leave()
    wait_for(lambda: gone(pid), "the server to end")


def test_without_a_server_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_embedded.importlib.util, "find_spec", nothing)
    monkeypatch.setattr(redis_embedded.shutil, "which", nothing)
    with pytest.raises(EmbeddedRedisError, match="Set REDIS_URL, install"):
        EmbeddedRedis(tmp_path).start()


def test_a_server_that_cannot_start_is_told_with_its_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_embedded, "find_server", lambda: Path("/bin/false"))
    embedded = EmbeddedRedis(tmp_path, start_seconds=1)
    with pytest.raises(EmbeddedRedisError, match=r"redis\.log"):
        embedded.start()
    embedded.leave()


async def test_a_service_without_any_redis_says_so_and_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_embedded.importlib.util, "find_spec", nothing)
    monkeypatch.setattr(redis_embedded.shutil, "which", nothing)
    settings = settings_for(tmp_path, "redis://127.0.0.1:9/0").model_copy(
        update={"redis_url": None}
    )
    async with started_runtime(settings) as (runtime, _):
        answer = await runtime.gateway.complete(chat_request(cache=CacheDirective("on", 60)))
        assert answer.cache == "miss"
    assert "Set REDIS_URL, install redis-server" in caplog.text
