"""Two real Redis servers, a master and its replica, and what leads to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from tests.ledger.servers import Server, wait_for
from tests.otel.processes import free_port


class Node(Server):
    """A server that others reach over TCP."""

    def __init__(self, program: Path, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(program, folder)
        self.port = free_port()

    def start(self, *options: str) -> None:
        # A replica takes over at once what its master sends, without a file in between.
        diskless = ("--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0")
        super().start("--port", str(self.port), *diskless, *options)

    def follow(self, port: int) -> None:
        """Become the replica of what listens there."""
        assert self.ask(b"REPLICAOF 127.0.0.1 %d" % port).startswith(b"+OK")

    def lead(self) -> None:
        """Become a master."""
        assert self.ask(b"REPLICAOF NO ONE").startswith(b"+OK")

    def told(self, field: str) -> str:
        """What INFO says of its replication."""
        lines = self.ask(b"INFO replication").decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line).get(field, "")

    def wait_for_link(self) -> None:
        """Wait until it has all of its master's."""
        wait_for(
            lambda: (
                self.told("master_link_status") == "up"
                and self.told("master_sync_in_progress") == "0"
            ),
            "the replica to be in step",
            30,
        )


@contextmanager
def pair(program: Path, folder: Path) -> Generator[tuple[Node, Node]]:
    """A master and a server that is nobody's replica yet."""
    nodes = Node(program, folder / "one"), Node(program, folder / "two")
    try:
        for node in nodes:
            node.start()
        yield nodes
    finally:
        for node in nodes:
            node.kill()


class Road:
    """A port that leads to another one, as a Service or a proxy does.

    Whoever is connected stays connected where it led when he came.
    """

    def __init__(self, to: int) -> None:
        self.to = to
        self.port = free_port()
        self.taken = 0
        """How often somebody came."""
        self._gate = _opened()
        self._gates = {self._gate}
        self._writers: set[asyncio.StreamWriter] = set()

    def hold(self) -> None:
        """Let nothing through, and break no connection."""
        self._gate.clear()

    def strand(self) -> None:
        """Let nothing through to those who are there, as where something on the way forgot them."""
        self._gate.clear()
        self._gate = _opened()
        self._gates.add(self._gate)

    def cut(self) -> None:
        """Break all connections."""
        for gate in self._gates:
            gate.set()
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Lead one who has come."""
        self.taken += 1
        self._writers.add(writer)
        gate = self._gate
        with suppress(OSError):
            inner, outer = await asyncio.open_connection("127.0.0.1", self.to)
            self._writers.add(outer)
            try:
                await asyncio.gather(_pass(reader, outer, gate), _pass(inner, writer, gate))
            finally:
                outer.close()


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event
) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            await gate.wait()
            writer.write(data)
            await writer.drain()
    writer.close()


def _opened() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@asynccontextmanager
async def road(to: int) -> AsyncGenerator[Road]:
    """A road that is open until the block ends."""
    found = Road(to)
    async with listening(found.port, found.serve):
        try:
            yield found
        finally:
            found.cut()


@asynccontextmanager
async def listening(
    port: int, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> AsyncGenerator[None]:
    """Serve whoever connects, until the block ends; nothing of it is open then."""
    tasks: set[asyncio.Task[None]] = set()
    over = False

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if over:
            writer.close()
        else:
            tasks.add(asyncio.get_running_loop().create_task(serve_one(reader, writer)))

    server = await asyncio.start_server(come, "127.0.0.1", port)
    try:
        yield
    finally:
        over = True
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
