"""A Redis that takes no writes is down, with the kind of failure, until it takes them again."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from redis import Redis, RedisError

from otel import names
from service.dependencies import DependencyProblem
from service.redis_health import KEPT_SECONDS, RedisHealth
from tests.ledger.servers import Server, programs, server
from tests.service.running import RunningService, running, settings_for, wait_for
from tests.service.starting import started
from tests.service.test_process import free_port

SERVICE = Path(__file__).parents[2] / "service"
REQUESTS = 3


class Fault(NamedTuple):
    """What is sent to a Redis so that it takes no writes, and so that it does again."""

    problem: str
    broken: tuple[str, ...]
    mended: tuple[str, ...]


FAULTS = {
    "replica": Fault("read-only", ("REPLICAOF 127.0.0.1 1",), ("REPLICAOF NO ONE",)),
    "memory": Fault("out of memory", ("CONFIG SET maxmemory 1",), ("CONFIG SET maxmemory 0",)),
    "replicas": Fault(
        "too few replicas",
        ("CONFIG SET min-replicas-to-write 1",),
        ("CONFIG SET min-replicas-to-write 0",),
    ),
    "scripts": Fault(
        "no permission", ("ACL SETUSER default -@scripting",), ("ACL SETUSER default +@all",)
    ),
    "script command": Fault(
        "no permission", ("ACL SETUSER default -hincrby",), ("ACL SETUSER default +@all",)
    ),
    "writes": Fault(
        "no permission", ("ACL SETUSER default -@write",), ("ACL SETUSER default +@all",)
    ),
    "keys": Fault(
        "no permission",
        ("ACL SETUSER default resetkeys ~other:*",),
        ("ACL SETUSER default allkeys",),
    ),
    "cache's keys": Fault(
        "no permission",
        ("ACL SETUSER default resetkeys ~gaugeway:{ledger}:*",),
        ("ACL SETUSER default allkeys",),
    ),
}


def sent(redis: Server, *commands: str) -> None:
    for command in commands:
        assert redis.ask(command.encode()).startswith(b"+OK"), command


@pytest.fixture(params=programs().values(), ids=list(programs()))
def redis(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Server]:
    """A Redis of each version that a test may break."""
    with server(request.param, tmp_path / "redis") as running_server:
        yield running_server


@contextmanager
def watching(redis: Server, home: Path, **changes: Any) -> Generator[RunningService]:
    with running(settings_for(home, redis.url, **changes)) as service:
        wait_for(lambda: service.runtime.dependencies.complete, "the first round of checks")
        yield service


def found(service: RunningService) -> dict[str, Any]:
    body = service.request("GET", "/readyz", key=None).json
    (redis,) = [one for one in body["dependencies"] if one["name"] == "redis"]
    return {"status": body["status"], **redis}


def is_up(service: RunningService) -> bool:
    return found(service)["up"] and (
        service.telemetry.value(names.DEPENDENCY_UP, gaugeway_dependency_name="redis") == 1
    )


def requests_in_ledger(service: RunningService) -> int:
    key = (service.runtime.settings.home / "dev-admin-key").read_text().strip()
    usage = service.request("GET", "/admin/usage", key=key).json
    return usage["totals"]["requests"] if usage.get("complete") else -1


def goes_through(
    service: RunningService, problem: str, broken: Callable[[], None], mended: Callable[[], None]
) -> None:
    """Requests go on while it is broken, health says what is the case, and nothing is lost."""
    assert is_up(service)
    broken()
    for _ in range(REQUESTS):
        assert service.chat().status == 200
    wait_for(lambda: not found(service)["up"], "the check to fail")
    wait_for(lambda: found(service)["problem"] == problem, f"the problem {problem}")
    assert found(service)["status"] == "degraded"
    assert service.telemetry.value(names.DEPENDENCY_UP, gaugeway_dependency_name="redis") == 0
    mended()
    wait_for(lambda: is_up(service), "Redis to be up again")
    wait_for(lambda: requests_in_ledger(service) == REQUESTS, "all requests in the ledger")


@pytest.mark.parametrize("name", FAULTS)
def test_a_redis_that_cannot_be_written_is_down_until_it_can(
    tmp_path: Path, redis: Server, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    fault = FAULTS[name]
    with watching(redis, tmp_path / "home") as service:
        goes_through(
            service,
            fault.problem,
            lambda: sent(redis, *fault.broken),
            lambda: sent(redis, *fault.mended),
        )
    said = [line for line in caplog.messages if line.startswith("Dependency redis is down")]
    assert len([line for line in said if f"down: {fault.problem}. " in line]) == 1, said


def test_a_redis_that_could_not_save_is_down_until_it_has_saved(
    tmp_path: Path, redis: Server
) -> None:
    in_the_way = tmp_path / "redis" / "dump.rdb"

    def saves(result: bytes) -> bool:
        redis.ask(b"BGSAVE")
        return b"rdb_last_bgsave_status:" + result in redis.ask(b"INFO persistence")

    def broken() -> None:
        sent(redis, 'CONFIG SET save "3600 1"')
        in_the_way.mkdir()
        wait_for(lambda: saves(b"err"), "a save to fail")

    def mended() -> None:
        in_the_way.rmdir()
        wait_for(lambda: saves(b"ok"), "a save")

    with watching(redis, tmp_path / "home") as service:
        goes_through(service, "not saving", broken, mended)


def test_a_redis_that_hangs_or_is_gone_is_told_apart(tmp_path: Path, redis: Server) -> None:
    with watching(redis, tmp_path / "home", check_timeout_seconds=0.5) as service:
        redis.pause()
        wait_for(lambda: found(service)["problem"] == "timeout", "the check to time out")
        redis.resume()
        wait_for(lambda: is_up(service), "Redis to be up again")
        redis.kill()
        wait_for(lambda: found(service)["problem"] == "unreachable", "the check to fail")
        redis.start()
        wait_for(lambda: is_up(service), "Redis to be up again")


def test_a_redis_that_wants_another_password_is_told(tmp_path: Path, redis: Server) -> None:
    sent(redis, "ACL SETUSER gw on >secret allkeys +@all")
    url = redis.url.replace("unix://", "unix://gw:hunter2@")
    with running(settings_for(tmp_path / "home", url)) as service:
        wait_for(lambda: service.runtime.dependencies.complete, "the first round of checks")
        assert found(service)["problem"] == "not authenticated"


def test_the_right_to_load_scripts_is_not_needed(tmp_path: Path, redis: Server) -> None:
    sent(redis, "ACL SETUSER default -script")
    with watching(redis, tmp_path / "home") as service:
        assert is_up(service)
        assert service.chat().status == 200
        wait_for(lambda: requests_in_ledger(service) == 1, "the request in the ledger")


def test_the_rights_that_the_page_gives_are_enough(tmp_path: Path, redis: Server) -> None:
    page = (SERVICE.parent / "docs" / "ledger.md").read_text()
    (given,) = re.findall(r"^ACL SETUSER gaugeway .*$", page, re.MULTILINE)
    sent(redis, given)
    url = redis.url.replace("unix://", "unix://gaugeway:PASSWORD@")
    with running(settings_for(tmp_path / "home", url)) as service:
        wait_for(lambda: service.runtime.dependencies.complete, "the first round of checks")
        assert is_up(service)
        replies = [service.chat("one", {"cache-control": "max-age=60"}, user="ann") for _ in "ab"]
        assert [reply.headers["x-gaugeway-cache"] for reply in replies] == ["miss", "hit"]
        assert service.telemetry.value(names.BUDGET_UNCHECKED) in (None, 0)
        wait_for(lambda: requests_in_ledger(service) == 2, "the requests in the ledger")
        key = (service.runtime.settings.home / "dev-admin-key").read_text().strip()
        for path in ("/admin/history", "/admin/budgets", "/admin/notable", "/api/metrics"):
            assert service.request("GET", path, key=key).status == 200, path
    assert b"NOPERM" not in redis.ask(b"INFO errorstats")


def test_a_check_leaves_only_keys_that_expire_and_asks_for_every_command_of_scripts(
    redis: Server,
) -> None:
    async def check() -> None:
        health = RedisHealth(redis.url, timeout=2)
        await health.check()
        await health.close()

    asyncio.run(check())
    left = set(redis.ask(b"KEYS *").split(b"\r\n")) - {b""}
    keys = sorted(line for line in left if line.startswith(b"gaugeway"))
    assert keys == [b"gaugeway:{cache}:health", b"gaugeway:{ledger}:health"]
    for key in keys:
        assert 0 < int(redis.ask(b"TTL " + key).strip(b":\r\n")) <= KEPT_SECONDS
    used = {
        command
        for file in SERVICE.rglob("*.lua")
        for command in re.findall(r"(?:redis\.p?call|try)\('(\w+)'", file.read_text())
    }
    tried = set(re.findall(r"\bcall\('(\w+)'", (SERVICE / "redis_health.lua").read_text()))
    assert used <= tried


def test_what_a_check_wrote_before_under_another_type_does_not_matter(redis: Server) -> None:
    for key in ("gaugeway:{ledger}:health:hash", "gaugeway:{ledger}:health"):
        sent(redis, f"SET {key} x")

    async def check() -> None:
        health = RedisHealth(redis.url, timeout=2)
        await health.check()
        await health.close()

    asyncio.run(check())


def test_a_ledger_that_cannot_write_is_a_redis_that_is_down(redis: Server) -> None:
    async def check() -> None:
        health = RedisHealth(redis.url, timeout=2, takes_entries=lambda: False)
        with pytest.raises(DependencyProblem, match="unavailable"):
            await health.check()
        await health.close()

    asyncio.run(check())


def port_of_node() -> int:
    """A free port that has room for the bus of a cluster, 10000 above."""
    return next(port for port in iter(free_port, None) if port < 50_000)


@contextmanager
def cluster(folder: Path, program: Path, port: int, *, slots: bool) -> Generator[str]:
    """One node of a cluster, with all slots or none; its address."""
    folder.mkdir()
    options = ("--cluster-enabled", "yes", "--dir", str(folder), "--save", "")
    command = [str(program), "--port", str(port), "--bind", "127.0.0.1", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with cast("Any", Redis(port=port)) as client:
            wait_for(lambda: answers(client), "the node to answer")
            if slots:
                client.execute_command("CLUSTER ADDSLOTS", *range(16_384))
                wait_for(lambda: client.cluster("INFO")["cluster_state"] == "ok", "the cluster")
        yield address(port)
    finally:
        process.kill()
        process.wait()


def address(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


def answers(client: Any) -> bool:
    with suppress(RedisError):
        return bool(client.ping())
    return False


@pytest.mark.parametrize("slots", [False, True], ids=["no slot", "every slot"])
@pytest.mark.parametrize("program", programs().values(), ids=list(programs()))
def test_an_address_that_leads_into_a_cluster_is_refused_at_the_start(
    tmp_path: Path, program: Path, slots: bool
) -> None:
    with cluster(tmp_path / "redis", program, port_of_node(), slots=slots) as url:
        ended = started(tmp_path / "home", REDIS_URL=url)
    assert ended.status != 0
    (line,) = ended.lines
    assert "REDIS_URL" in line
    assert "cluster mode off" in line
    assert "Traceback" not in ended.output


@pytest.mark.parametrize(("slots", "problem"), [(False, "wrong node"), (True, "redis cluster")])
def test_an_address_that_leads_into_a_cluster_later_is_down_and_said_once(
    tmp_path: Path, slots: bool, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    port = port_of_node()
    with running(settings_for(tmp_path / "home", address(port))) as service:
        wait_for(lambda: service.runtime.dependencies.complete, "the first round of checks")
        assert found(service)["problem"] == "unreachable"
        with cluster(tmp_path / "redis", programs()["embedded"], port, slots=slots):
            wait_for(lambda: found(service)["problem"] == problem, f"the problem {problem}")
            checked = found(service)["checked_at"]
            wait_for(lambda: found(service)["checked_at"] > checked, "another check")
            assert found(service)["status"] == "degraded"
    said = [line for line in caplog.messages if f"is down: {problem}. " in line]
    assert len(said) == 1, said
    assert "cluster mode off" in said[0]
