"""A store goes where its address leads now: nothing keeps it with a server that was left."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from service.redis_store import Breaker, RedisStore, StoreUnavailable
from tests.ledger.building import until
from tests.ledger.replicas import Node, pair, road
from tests.ledger.servers import programs

NAME = "redis.example"


@pytest.fixture
def nodes(tmp_path: Path) -> Generator[tuple[Node, Node]]:
    with pair(programs()["embedded"], tmp_path) as found:
        yield found


@asynccontextmanager
async def opened(url: str, **changes: Any) -> AsyncGenerator[RedisStore]:
    # It looks where the address leads only where a test says how often.
    settings: dict[str, Any] = {
        "timeout": 1.0,
        "pool_size": 8,
        "probe_seconds": 0.05,
        "look_seconds": 1e9,
    }
    store = RedisStore(url, **{**settings, **changes})
    try:
        yield store
    finally:
        await store.close()


async def write(store: RedisStore, key: str, value: str) -> None:
    await store.run("SET", lambda redis: redis.set(key, value))


async def at_once(store: RedisStore, number: int) -> None:
    """Have so many connections open: as many commands are under way together."""
    await asyncio.gather(*(store.get("anything") for _ in range(number)))


def value(node: Node, key: str) -> bytes:
    return node.ask(b"GET " + key.encode())


def clients(node: Node) -> int:
    """How many are connected to it, besides the one that asks."""
    return node.ask(b"CLIENT LIST TYPE normal").count(b"id=") - 1


async def test_after_a_refusal_all_connections_lead_to_the_new_master(
    nodes: tuple[Node, Node],
) -> None:
    old, new = nodes
    async with road(old.port) as way, opened(f"redis://127.0.0.1:{way.port}") as store:
        await at_once(store, 5)
        old.follow(new.port)
        way.to = new.port
        with pytest.raises(StoreUnavailable, match="READONLY"):
            await write(store, "key", "value")
        await until(lambda: store.available, "the new master to be found")
        await at_once(store, 5)
        await write(store, "key", "value")
        assert value(new, "key") == b"$5\r\nvalue\r\n"
        await until(lambda: clients(old) == 0, "the connections to the old master to be closed")


async def test_a_store_waits_for_whoever_becomes_the_master(nodes: tuple[Node, Node]) -> None:
    """The address moves seconds after the old master has stepped down, as with many operators."""
    old, new = nodes
    async with road(old.port) as way, opened(f"redis://127.0.0.1:{way.port}") as store:
        await write(store, "key", "before")
        old.follow(new.port)
        with pytest.raises(StoreUnavailable):
            await write(store, "key", "meanwhile")
        tried = way.taken
        await until(lambda: way.taken > tried + 5, "some checks")
        assert not store.available
        way.to = new.port
        await until(lambda: store.available, "the new master to be found")


async def test_a_name_is_resolved_anew_after_a_failure(
    nodes: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = nodes
    leads_to = [old.port]
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo

    async def resolved(host: Any, port: Any, **rest: Any) -> Any:
        if host == NAME:
            host, port = "127.0.0.1", leads_to[0]
        return await resolve(host, port, **rest)

    monkeypatch.setattr(loop, "getaddrinfo", resolved)
    async with opened(f"redis://{NAME}:6379") as store:
        await write(store, "key", "before")
        assert value(old, "key") == b"$6\r\nbefore\r\n"
        old.follow(new.port)
        leads_to[0] = new.port
        with pytest.raises(StoreUnavailable):
            await write(store, "key", "after")
        await until(lambda: store.available, "the new master to be found")
        await write(store, "key", "after")
        assert value(new, "key") == b"$5\r\nafter\r\n"


async def test_a_socket_that_another_server_took_over_is_left(
    nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    old, new = nodes
    path = tmp_path / "redis"
    path.symlink_to(old.url.removeprefix("unix://"))
    async with opened(f"unix://{path}") as store:
        await write(store, "key", "before")
        path.unlink()
        path.symlink_to(new.url.removeprefix("unix://"))
        old.follow(new.port)
        with pytest.raises(StoreUnavailable):
            await write(store, "key", "after")
        await until(lambda: store.available, "the new master to be found")
        await write(store, "key", "after")
        assert value(new, "key") == b"$5\r\nafter\r\n"


async def test_one_dead_connection_is_the_last_that_is_waited_for(
    nodes: tuple[Node, Node],
) -> None:
    """Something on the way has forgotten all of them and says nothing."""
    node, _ = nodes
    async with (
        road(node.port) as way,
        opened(f"redis://127.0.0.1:{way.port}", timeout=0.3) as store,
    ):
        await at_once(store, 5)
        way.strand()
        with pytest.raises(StoreUnavailable, match="timeout"):
            await store.get("anything")
        await until(lambda: store.available, "the store to connect anew")
        await asyncio.gather(*(write(store, f"key-{number}", "x") for number in range(5)))


async def test_an_old_master_that_nobody_told_is_left_too(nodes: tuple[Node, Node]) -> None:
    """It takes writes as before, and nothing fails: only the address leads elsewhere."""
    old, new = nodes
    async with (
        road(old.port) as way,
        opened(f"redis://127.0.0.1:{way.port}", look_seconds=0.1) as store,
    ):
        await at_once(store, 5)
        way.to = new.port

        async def has_moved() -> bool:
            await write(store, "key", "value")
            return value(new, "key") == b"$5\r\nvalue\r\n"

        async with asyncio.timeout(20):
            while not await has_moved():
                await asyncio.sleep(0.02)
        await until(lambda: clients(old) == 0, "the connections to the old master to be closed")


async def test_looking_changes_nothing_where_the_address_leads_to_the_same_server(
    nodes: tuple[Node, Node],
) -> None:
    node, _ = nodes
    async with (
        road(node.port) as way,
        opened(f"redis://127.0.0.1:{way.port}", look_seconds=0.02) as store,
    ):
        await at_once(store, 3)
        kept = node.ask(b"CLIENT LIST TYPE normal")
        looks = way.taken + 5
        async with asyncio.timeout(20):
            while way.taken < looks:
                await store.get("anything")
                await asyncio.sleep(0.01)
        ids = {line.split()[0] for line in kept.splitlines() if line.startswith(b"id=")}
        still = {
            line.split()[0] for line in node.ask(b"CLIENT LIST").splitlines() if line[:3] == b"id="
        }
        assert len(ids & still) >= 3
        assert store.available


async def test_commands_under_way_are_answered_by_whom_they_were_sent_to(
    nodes: tuple[Node, Node],
) -> None:
    old, new = nodes
    old.ask(b"SET key old")
    async with (
        road(old.port) as way,
        opened(f"redis://127.0.0.1:{way.port}", timeout=5.0) as store,
    ):
        await at_once(store, 2)
        slow = asyncio.create_task(
            store.run("BLPOP", lambda redis: cast("Any", redis).blpop(["list"], timeout=3))
        )
        await until(lambda: b"cmd=blpop" in old.ask(b"CLIENT LIST"), "the slow command")
        way.to = new.port
        store.refuses(ConnectionError("somebody else's"))
        await until(lambda: store.available, "the new server to be used")
        old.ask(b"RPUSH list value")
        assert await slow == (b"list", b"value") or await slow == [b"list", b"value"]
        await until(lambda: clients(old) == 0, "its connection to be closed")


@pytest.mark.parametrize("command", ["CONFIG SET maxmemory 1", "REPLICAOF 127.0.0.1 1"])
async def test_what_only_reads_goes_on_where_no_writes_are_taken(
    nodes: tuple[Node, Node], command: str
) -> None:
    node, _ = nodes
    async with opened(node.url) as store:
        await write(store, "key", "value")
        node.ask(command.encode())
        with pytest.raises(StoreUnavailable):
            await write(store, "key", "other")
        assert not store.available
        assert await store.get("key") == b"value"
        with pytest.raises(StoreUnavailable, match="a moment ago"):
            await write(store, "key", "other")
        node.pause()
        with pytest.raises(StoreUnavailable, match="timeout"):
            await store.get("key")
        with pytest.raises(StoreUnavailable, match="a moment ago"):
            await store.get("key")
        node.resume()

        async def reads() -> bool:
            try:
                return await store.get("key") == b"value"
            except StoreUnavailable:
                return False

        async with asyncio.timeout(20):
            while not await reads():
                await asyncio.sleep(0.02)
        assert not store.available


async def test_more_calls_than_connections_fail_alone(nodes: tuple[Node, Node]) -> None:
    node, _ = nodes
    breaker = Breaker()
    async with opened(node.url, pool_size=2, breaker=breaker) as store:
        found = await asyncio.gather(
            *(store.get("anything") for _ in range(20)), return_exceptions=True
        )
        refused = [error for error in found if isinstance(error, StoreUnavailable)]
        assert refused
        assert not breaker.open
        assert await store.get("anything") is None


async def test_a_key_of_another_kind_fails_its_call_alone(nodes: tuple[Node, Node]) -> None:
    node, _ = nodes
    async with opened(node.url) as store:
        node.ask(b"RPUSH key value")
        with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
            await store.get("key")
        assert store.available


async def test_many_outages_leave_nothing_open(nodes: tuple[Node, Node]) -> None:
    node, _ = nodes
    before = len(list(Path("/proc/self/fd").iterdir()))
    async with opened(node.url, timeout=0.2) as store:
        for _ in range(10):
            await at_once(store, 3)
            node.ask(b"CONFIG SET maxmemory 1")
            with pytest.raises(StoreUnavailable):
                await write(store, "key", "value")
            node.ask(b"CONFIG SET maxmemory 0")
            await until(lambda: store.available, "the store to be used again")
        await write(store, "key", "value")
        await until(lambda: clients(node) <= 1, "all other connections to be closed")
    await until(lambda: clients(node) == 0, "the last one to be closed")
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


async def test_a_server_that_never_answers_keeps_nobody_from_closing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with opened(f"redis://127.0.0.1:{port}", timeout=0.2) as store:
            with pytest.raises(StoreUnavailable):
                await store.get("anything")
            async with asyncio.timeout(5):
                await store.close()
