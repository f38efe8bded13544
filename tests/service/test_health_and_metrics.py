"""Who may see what of the service's health, and what the background checks record."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from otel import names
from otel.testing import recorded
from service.dependencies import Dependency, DependencyMonitor, reachable
from service.errors import ProviderUnreachable
from stack.credentials import TlsFiles, tls_material
from stack.home import Home
from tests.service.running import RunningService, running, settings_for, wait_for

DEAD_REDIS = "redis://user:hunter2@127.0.0.1:1/0"


def test_healthz_is_open_to_all(shared: RunningService) -> None:
    reply = shared.request("GET", "/healthz", key=None)
    assert (reply.status, reply.json) == (200, {"status": "up"})


def test_readyz_tells_of_each_dependency_in_dev(shared: RunningService) -> None:
    wait_for(lambda: shared.runtime.dependencies.complete, "the first round of checks")
    body = shared.request("GET", "/readyz", key=None).json
    found = {dependency["name"]: dependency for dependency in body["dependencies"]}
    assert set(found) == {"redis", "collector", "target:quick", "target:failing", "target:steady"}
    assert found["redis"]["up"] is True
    assert found["redis"]["latency_ms"] > 0
    assert found["collector"] == {**found["collector"], "up": False, "problem": "unreachable"}
    assert body["status"] == "degraded"


def test_a_redis_that_is_down_is_degraded_and_still_200(tmp_path: Path) -> None:
    with running(settings_for(tmp_path, DEAD_REDIS)) as service:
        wait_for(lambda: service.runtime.dependencies.complete, "the first round of checks")
        reply = service.request("GET", "/readyz")
        assert (reply.status, reply.json["status"]) == (200, "degraded")
        assert b"hunter2" not in reply.body
        assert service.chat().status == 200
        assert service.telemetry.value(names.DEPENDENCY_UP, gaugeway_dependency_name="redis") == 0


@pytest.mark.parametrize("env", ["staging", "prod"])
def test_outside_dev_the_scrape_token_opens_what_is_inside(
    tmp_path: Path, redis_url: str, env: str
) -> None:
    settings = settings_for(tmp_path, redis_url, env=env, scrape_token="scrape-me")
    with running(settings) as service:
        held = {"authorization": "Bearer scrape-me"}
        wrong: dict[str, str] = {"authorization": "Bearer scrape-you"}
        wait_for(lambda: service.runtime.dependencies.complete, "the first round of checks")
        assert "dependencies" in service.request("GET", "/readyz", headers=held).json
        assert service.request("GET", "/readyz", key=None).json == {"status": "degraded"}
        assert service.request("GET", "/readyz", headers=wrong).json == {"status": "degraded"}
        assert service.request("GET", "/metrics", headers=held).status == 200
        assert service.request("GET", "/metrics", headers=wrong).status == 401
        assert service.request("GET", "/metrics", key=None).status == 401
        assert not (settings.home / "dev-api-key").exists()


def test_outside_dev_metrics_are_closed_without_a_token(tmp_path: Path, redis_url: str) -> None:
    with running(settings_for(tmp_path, redis_url, env="prod")) as service:
        reply = service.request("GET", "/metrics", key=None)
        assert reply.status == 403
        assert "GAUGEWAY_SCRAPE_TOKEN" in reply.error["message"]


def test_metrics_are_plain_text(shared: RunningService) -> None:
    reply = shared.request("GET", "/metrics", key=None)
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain")


async def test_a_slow_check_delays_no_other_and_ends_by_its_bound() -> None:
    quick_checks = 0

    async def quick() -> None:
        nonlocal quick_checks
        quick_checks += 1

    async def slow() -> None:
        await asyncio.sleep(60)

    with recorded() as telemetry:
        monitor = DependencyMonitor(
            [Dependency("slow", slow), Dependency("quick", quick)],
            interval=0.01,
            timeout=0.2,
            instruments=telemetry.telemetry.instruments,
        )
        monitor.start()
        async with asyncio.timeout(5):
            while not monitor.complete:
                await asyncio.sleep(0.01)
        assert quick_checks > 2
        found = {finding.name: finding for finding in monitor.findings}
        assert found["slow"].problem == "timeout"
        assert found["quick"].up
        await monitor.stop()
        assert telemetry.value(names.DEPENDENCY_CHECK_DURATION, error_type="timeout") >= 1


async def test_what_a_check_raises_becomes_a_word_without_secrets() -> None:
    problems: dict[str, str | None] = {}
    errors: dict[str, Exception] = {
        "provider": ProviderUnreachable("https://user:hunter2@example.com"),
        "network": ConnectionRefusedError("hunter2"),
        "other": RuntimeError("hunter2"),
    }
    with recorded() as telemetry:
        monitor = DependencyMonitor(
            [], interval=1, timeout=1, instruments=telemetry.telemetry.instruments
        )
        for name, error in errors.items():

            async def check(error: Any = error) -> None:
                raise error

            problems[name] = (await monitor.check(Dependency(name, check))).problem
    assert problems == {
        "provider": "unreachable",
        "network": "unreachable",
        "other": "RuntimeError",
    }


async def test_a_host_is_reachable_while_it_listens() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await reachable(f"http://127.0.0.1:{port}/path")()
    server.close()
    await server.wait_closed()
    with pytest.raises(OSError, match=r"refused|Connect"):
        await reachable(f"http://127.0.0.1:{port}")()


async def test_a_host_with_tls_is_reachable_for_those_who_trust_its_authority(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    home.prepare()
    ours = tls_material(home, TlsFiles(), datetime.now(UTC))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(ours.certificate, ours.key)
    shaken = asyncio.Event()

    def greeted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shaken.set()
        writer.close()

    server = await asyncio.start_server(greeted, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await reachable(url, authority=ours.authority)()
    await asyncio.wait_for(shaken.wait(), 5)
    for stranger in (None, tmp_path / "absent.pem"):
        with pytest.raises(OSError, match=r"certificate|No such file"):
            await reachable(url, authority=stranger)()
    server.close()
    await server.wait_closed()


def test_readyz_answers_at_once_whatever_the_dependencies_do(tmp_path: Path) -> None:
    # It listens and never answers: a check of it hangs until its own time is over.
    silent = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{silent.getsockname()[1]}"
    settings = settings_for(tmp_path, f"redis://{address}", otlp_endpoint=f"https://{address}")
    with silent, running(settings) as service:
        started = time.monotonic()
        assert service.request("GET", "/readyz").status == 200
        assert time.monotonic() - started < 1
