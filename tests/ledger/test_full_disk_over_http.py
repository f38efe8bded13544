"""A full disk under load, over HTTP: no answer's usage is missing without being counted as lost.

Real workers with their home on a small disk of its own that is filled while Redis is away, and, in
the last test, with the embedded Redis on that disk too.
"""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.disks import Disk, small_disk
from tests.ledger.loaded import TARGETS, Load, until
from tests.ledger.servers import Server, wait_for
from tests.otel.processes import Application

KILOBYTES = 8 * 1024
REQUEST = {"model": "simulated", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
WITHIN = 60.0
WORKERS = 2


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Disk]:
    with small_disk(tmp_path / "home", KILOBYTES) as mounted:
        yield mounted


@dataclass(frozen=True, slots=True)
class Service:
    """The service under load."""

    app: Application
    home: Path

    def usage(self, period: str = "today") -> Any:
        """What /admin/usage says; None while it cannot."""
        key = (self.home / "dev-admin-key").read_text().strip()
        request = urllib.request.Request(
            f"{self.app.url}/admin/usage?period={period}",
            headers={"authorization": f"Bearer {key}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return None if error.code == 503 else pytest.fail(f"answered {error.code}")

    def post(self) -> tuple[int, Decimal]:
        """One request's status, and what its answer says that it cost."""
        key = (self.home / "dev-api-key").read_text().strip()
        request = urllib.request.Request(
            f"{self.app.url}/v1/chat/completions",
            data=json.dumps(REQUEST).encode(),
            headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, Decimal(answer.headers["x-gaugeway-cost-usd"])
        except urllib.error.HTTPError as error:
            with error:
                return error.code, Decimal(0)

    def said(self, text: str) -> list[str]:
        """The lines of its log that match."""
        return [line for line in self.app.output.splitlines() if re.search(text, line)]

    async def accounted(self, requests: int) -> Any:
        """Usage once it has come to so many, those that were lost included."""
        found: Any = None
        async with asyncio.timeout(WITHIN):
            while (
                found is None or found["totals"]["requests"] + found["lost"]["requests"] < requests
            ):
                await asyncio.sleep(0.05)
                found = await asyncio.to_thread(self.usage)
        return found


@asynccontextmanager
async def service(
    folder: Path, disk: Disk, variables: Mapping[str, str], *, workers: int = WORKERS
) -> AsyncGenerator[Service]:
    """The real service, its home on a disk and its log elsewhere."""
    targets = folder / "targets.yaml"
    targets.write_text(TARGETS)
    app = Application(
        (
            *("uvicorn", "--factory", "service.app:create_app", "--port", "{port}"),
            *("--workers", str(workers), "--timeout-worker-healthcheck", "60"),
            "--no-access-log",
        ),
        folder,
        variables={
            "GAUGEWAY_HOME": str(disk.path),
            "GAUGEWAY_TARGETS": str(targets),
            **variables,
        },
    )
    try:
        await asyncio.to_thread(wait_for, lambda: answers(app), "the service to answer", WITHIN)
        yield Service(app, disk.path)
    finally:
        await asyncio.to_thread(app.__exit__, None, None, None)


def answers(app: Application) -> bool:
    assert app.process.poll() is None, f"it ended at start-up:\n{app.output}"
    try:
        return app.get("/healthz")[0] == 200
    except OSError:
        return False


@pytest.mark.timeout(240)
async def test_what_a_full_disk_refuses_is_in_the_ledger_once_it_has_room_or_redis_is_back(
    own_redis: Server, tmp_path: Path, disk: Disk
) -> None:
    load = Load()
    async with (
        service(tmp_path, disk, {"REDIS_URL": own_redis.url}) as run,
        asyncio.TaskGroup() as tasks,
    ):
        clients = tasks.create_task(load.run(run.app.url, run.home))
        await load.go_on()
        await asyncio.to_thread(own_redis.kill)
        await load.go_on()
        # Some pages are left: one worker's line is cut off in the middle.
        disk.fill(leave=16 * 1024)
        await until(lambda: run.said("takes no usage entries: No space"), "the disk to be full")
        await load.go_on()
        await load.go_on()
        disk.free()
        await until(lambda: run.said("takes usage entries again: "), "the disk to be used")
        await load.go_on()
        disk.fill()
        await load.go_on()
        await asyncio.to_thread(own_redis.start)
        await load.go_on()
        load.stopping = True
        await clients

        seen = load.seen
        assert (seen.unexpected, seen.refused, seen.broken) == ([], [], 0)
        usage = await run.accounted(len(seen.costs))
        assert usage["totals"]["requests"] == len(seen.costs) == load.asked
        assert Decimal(usage["totals"]["cost_usd"]) == seen.told
        assert usage["lost"]["requests"] == 0
        await until(lambda: run.usage()["complete"], "usage to be complete")
        # One line a worker and time, however many requests there were.
        assert len(run.said("takes no usage entries: ")) <= 2 * WORKERS
        assert len(run.said("takes usage entries again: ")) <= 3 * WORKERS
        assert len(run.said("Redis takes no usage entries")) <= WORKERS
        assert not run.said("Traceback|ERROR|are lost")


@pytest.mark.timeout(240)
async def test_what_there_is_no_room_for_is_counted_as_lost_to_the_last_digit(
    own_redis: Server, tmp_path: Path, disk: Disk
) -> None:
    load = Load()
    variables = {"REDIS_URL": own_redis.url, "GAUGEWAY_LEDGER_MEMORY_MAX_BYTES": "20000"}
    async with service(tmp_path, disk, variables) as run, asyncio.TaskGroup() as tasks:
        clients = tasks.create_task(load.run(run.app.url, run.home))
        await load.go_on()
        await asyncio.to_thread(own_redis.kill)
        disk.fill()
        await until(lambda: run.said("are lost"), "a worker to lose entries")
        await load.go_on()
        load.stopping = True
        await clients
        # What they keep in memory goes with them; the others start where room is.
        await asyncio.to_thread(run.app.stop)
        disk.free()
        seen = load.seen
        assert (seen.unexpected, seen.refused, seen.broken) == ([], [], 0)
        assert len(run.said("takes no usage entries: ")) <= WORKERS
        assert len(run.said("are lost")) <= WORKERS
        assert not run.said("Traceback")
    await asyncio.to_thread(own_redis.start)
    async with service(tmp_path, disk, variables) as run:
        usage = await run.accounted(len(seen.costs))
        assert usage["totals"]["requests"] + usage["lost"]["requests"] == len(seen.costs)
        found = Decimal(usage["totals"]["cost_usd"]) + Decimal(usage["lost"]["cost_usd"])
        assert found == seen.told
        assert usage["lost"]["requests"] > 0
        assert usage["complete"] is False
        await until(lambda: run.usage("yesterday")["complete"], "the day before to be complete")


@pytest.mark.timeout(240)
async def test_stop_answers_nothing_that_a_full_disk_keeps_from_the_ledger(
    tmp_path: Path, disk: Disk
) -> None:
    """The embedded Redis is on the same disk, and still answers what it is asked."""
    variables = {"GAUGEWAY_LEDGER_WHEN_UNAVAILABLE": "stop"}
    async with service(tmp_path, disk, variables, workers=1) as run:
        told = [await asyncio.to_thread(run.post)]
        assert told[0][0] == 200
        assert run.app.get("/readyz")[0] == 200
        disk.fill()
        async with asyncio.timeout(WITHIN):
            while told[-1][0] == 200:
                told.append(await asyncio.to_thread(run.post))
        for _ in range(40):
            told.append(await asyncio.to_thread(run.post))
            status, body = await asyncio.to_thread(run.app.get, "/readyz")
            assert status == 503
            assert "GAUGEWAY_LEDGER_WHEN_UNAVAILABLE is stop" in json.loads(body)["reason"]
            # Redis is looked at meanwhile: a read would say that it is back.
            await asyncio.sleep(0.05)
        assert {status for status, _ in told[-41:]} == {503}
        disk.free()
        await until(lambda: run.app.get("/readyz")[0] == 200, "it to be ready again")
        told.append(await asyncio.to_thread(run.post))
        assert told[-1][0] == 200
        costs = [cost for status, cost in told if status == 200]
        usage = await run.accounted(len(costs))
        assert usage["totals"]["requests"] == len(costs)
        assert Decimal(usage["totals"]["cost_usd"]) == sum(costs)
        assert (usage["complete"], usage["lost"]["requests"]) == (True, 0)
        assert len(run.said("Redis takes no usage entries")) == 1
        assert len(run.said("Redis takes usage entries again")) == 1
