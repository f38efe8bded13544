"""A Redis that refuses what it is sent is left alone by everyone, and used again once it takes it.

Real servers that cannot take writes, for each reason there is, and a proxy that answers in place of
one; whoever needs Redis meets it in turn.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.access.login_limits import LoginLimits
from service.cache import RedisCacheStore
from service.errors import BudgetsUnavailable
from service.ledger.recording import Numbered
from service.ledger.scripts import ScriptFailed
from service.redis_store import StoreUnavailable
from tests.budgets.building import Rig, rig
from tests.ledger.building import entry, until
from tests.ledger.replicas import Node, listening
from tests.ledger.servers import programs
from tests.otel.processes import free_port

BUDGETS = """
budgets:
  - name: everything
    window: month
    limit: {usd: "10"}
    actions: [{at: 100, do: refuse}]
"""


async def ledger(parts: Rig) -> None:
    number = next(parts.numbers)
    await parts.recorder.apply(f"writer-{number}", 0, 1, [Numbered(1, entry(number))])


async def budgets(parts: Rig) -> None:
    try:
        await parts.reserve(5)
    except BudgetsUnavailable:
        raise StoreUnavailable from None


async def cache(parts: Rig) -> None:
    store = RedisCacheStore(parts.store)
    await store.store("key", b"value", ttl=60, max_entries=10, max_bytes=10**6)


async def logins(parts: Rig) -> None:
    limits = LoginLimits(parts.store)
    await limits.failed("192.0.2.7", None)
    # It counts alone then, and says nothing.
    if not parts.store.available:
        raise StoreUnavailable


USERS: dict[str, Callable[[Rig], Awaitable[None]]] = {
    "ledger": ledger,
    "budgets": budgets,
    "cache": cache,
    "logins": logins,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What keeps a server from taking writes, and how that ends, as commands to it."""

    begins: tuple[str, ...]
    ends: tuple[str, ...]
    reads: bool = False
    """Whether it still answers what only reads."""


LEADS = "REPLICAOF NO ONE"
FAULTS = {
    "READONLY": Fault(("REPLICAOF 127.0.0.1 {other}",), (LEADS,), reads=True),
    "MASTERDOWN": Fault(
        ("CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 {nobody}"),
        (LEADS, "CONFIG SET replica-serve-stale-data yes"),
    ),
    "NOREPLICAS": Fault(
        ("CONFIG SET min-replicas-to-write 1",), ("CONFIG SET min-replicas-to-write 0",), reads=True
    ),
    "OOM": Fault(("CONFIG SET maxmemory 1",), ("CONFIG SET maxmemory 0",), reads=True),
    "NOPERM": Fault(("ACL SETUSER default -@write -@scripting",), ("ACL SETUSER default +@all",)),
    "NOPERM in scripts": Fault(("ACL SETUSER default -@write",), ("ACL SETUSER default +@all",)),
}


@pytest.fixture(params=programs().values(), ids=list(programs()))
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Node]:
    found = Node(request.param, tmp_path / "one")
    found.start()
    yield found
    found.kill()


@pytest.fixture
def other(tmp_path: Path) -> Generator[Node]:
    """A server that is whose master a replica needs."""
    found = Node(programs()["embedded"], tmp_path / "other")
    found.start()
    yield found
    found.kill()


def told(node: Node, commands: tuple[str, ...], other: Node) -> None:
    for command in commands:
        line = command.format(other=other.port, nobody=free_port()).encode()
        assert node.ask(line).startswith(b"+OK"), command


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("name", FAULTS)
async def test_a_server_that_takes_no_writes_is_left_alone_until_it_does(
    tmp_path: Path, node: Node, other: Node, name: str, user: str
) -> None:
    fault, use = FAULTS[name], USERS[user]
    async with rig(node.url, tmp_path, BUDGETS, when_unavailable="closed") as parts:
        await use(parts)
        told(node, fault.begins, other)
        with pytest.raises(StoreUnavailable) as raised:
            await use(parts)
        assert not isinstance(raised.value, ScriptFailed)
        assert not parts.store.available
        with suppress(StoreUnavailable):
            # Most of them answer it, and that changes nothing.
            await parts.store.ping()
        assert not parts.store.available
        with pytest.raises(StoreUnavailable):
            await parts.store.check()
        told(node, fault.ends, other)
        await until(lambda: parts.store.available, "the store to be used again")
        await parts.store.check()


class Refusal:
    """Stands before a server, and answers in its place once it has something to say."""

    def __init__(self, to: int) -> None:
        self.port = free_port()
        self.line = b""
        self._to = to

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", self._to)
        back = asyncio.create_task(self._back(inner, writer))
        try:
            while data := await reader.read(65_536):
                if self.line:
                    calls = len(re.findall(rb"^\*\d+\r$", data, re.MULTILINE))
                    writer.write(self.line * calls)
                else:
                    outer.write(data)
        finally:
            outer.close()
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)

    async def _back(self, inner: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await inner.read(65_536):
            writer.write(data)


@asynccontextmanager
async def refusal(to: int) -> AsyncGenerator[Refusal]:
    found = Refusal(to)
    async with listening(found.port, found.serve):
        yield found


@pytest.mark.parametrize(
    "line",
    [
        "-LOADING Redis is loading the dataset in memory",
        "-TRYAGAIN Multiple keys request during rehashing of slot",
        "-MOVED 3999 127.0.0.1:6381",
        "-ASK 3999 127.0.0.1:6381",
        "-MOVED what it should not",
        "-CLUSTERDOWN The cluster is down",
        "-UNBLOCKED force unblock from blocking operation, instance state changed",
        "-BUSY Redis is busy running a script.",
        "-MISCONF Redis is configured to save RDB snapshots, but it is unable to",
        "-NOAUTH Authentication required.",
        "-WRONGPASS invalid username-password pair or user is disabled.",
        "-ERR max number of clients reached",
        "-ERR upstream failure",
        "-upstream failure",
        "-ERR unknown command 'EVALSHA'",
        "-NOMASTER no server takes writes now",
        "HTTP/1.1 502 Bad Gateway",
    ],
)
@pytest.mark.parametrize("user", USERS)
async def test_an_answer_that_no_redis_gives_for_a_call_is_the_server_s(
    tmp_path: Path, other: Node, user: str, line: str
) -> None:
    use = USERS[user]
    async with (
        refusal(other.port) as way,
        rig(f"redis://127.0.0.1:{way.port}", tmp_path, BUDGETS, when_unavailable="closed") as parts,
    ):
        await use(parts)
        way.line = line.encode() + b"\r\n"
        with pytest.raises(StoreUnavailable):
            await use(parts)
        assert not parts.store.available
        way.line = b""
        await until(lambda: parts.store.available, "the store to be used again")
        await use(parts)
