"""A receiver of notifications on this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from aiohttp import web

from grafana.alerts.alert import Team

Json = dict[str, Any]


@dataclass(slots=True)
class Received:
    """What Alertmanager told, each alert once for every notification that had it firing."""

    port: int = 0
    alerts: list[Json] = field(default_factory=list[Json])

    def url(self, team: str) -> str:
        """Return the address that notifications of a team are posted to."""
        return f"http://127.0.0.1:{self.port}/{team}"

    def of(self, name: str, *, since: float) -> Iterator[Json]:
        """Return every notification of an alert that began to fire at or after a Unix time.

        `receiver` in it is the team that was told.
        """
        return (
            alert
            for alert in [*self.alerts]
            if alert["labels"]["alertname"] == name
            and datetime.fromisoformat(alert["startsAt"]).timestamp() >= since
        )

    async def wait_for(self, since: Mapping[str, float], *, within: float) -> frozenset[str]:
        """Wait until all alerts are received that began to fire at or after a Unix time each.

        Returns those that are not after all.
        """
        end = time.monotonic() + within
        while missing := frozenset(
            name for name, began in since.items() if not any(self.of(name, since=began))
        ):
            if time.monotonic() > end:
                return missing
            await asyncio.sleep(0.2)
        return frozenset()


@asynccontextmanager
async def receiving() -> AsyncGenerator[Received]:
    """Receive on a port of the kernel's choice until the block is left."""
    received, app = Received(), web.Application()

    async def take(request: web.Request) -> web.Response:
        notification = cast("Json", await request.json())
        received.alerts += [
            {**alert, "receiver": request.path.removeprefix("/")}
            for alert in notification["alerts"]
            if alert["status"] == "firing"
        ]
        return web.Response(text="ok")

    app.router.add_post("/{team}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        received.port = int(runner.addresses[0][1])
        yield received
    finally:
        await runner.cleanup()


def write_receivers(folder: Path, received: Received) -> Path:
    """Write the secret files by which Alertmanager finds the receiver, one for each team."""
    folder.mkdir(parents=True, exist_ok=True)
    for team in Team:
        (folder / f"webhook-{team}").write_text(received.url(team))
    return folder
