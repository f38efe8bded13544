"""The service's parts without HTTP, on the test's own event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal

from otel.testing import Recorded, recorded
from service.exchange import ModelRequest
from service.runtime import Parts, Runtime
from service.settings import Settings
from service.targets import load_targets
from tests.service.running import TARGETS


@asynccontextmanager
async def started_runtime(
    settings: Settings, *, targets: str = TARGETS, parts: Parts | None = None
) -> AsyncGenerator[tuple[Runtime, Recorded]]:
    """A started runtime and what it records."""
    settings.home.mkdir(parents=True, exist_ok=True)
    file = settings.home / "targets.yaml"
    file.write_text(targets)
    with recorded() as telemetry:
        runtime = Runtime(
            settings, load_targets(file, credentials={}), telemetry.telemetry, parts or Parts()
        )
        await runtime.start()
        try:
            yield runtime, telemetry
        finally:
            await runtime.stop()


def chat_request(
    content: str = "hello",
    *,
    operation: Literal["chat", "embeddings"] = "chat",
    model: str = "simulated",
    seconds: float = 30.0,
    stream: bool = False,
    fields: dict[str, Any] | None = None,
    **rest: Any,
) -> ModelRequest:
    """A validated request, as the API would make it."""
    body = {"model": model, "messages": [{"role": "user", "content": content}], **(fields or {})}
    return ModelRequest(
        operation=operation,
        model=model,
        body={**body, "stream": True} if stream else body,
        app="test",
        started=time.perf_counter(),
        deadline=asyncio.get_running_loop().time() + seconds,
        stream=stream,
        **rest,
    )


async def a_few_turns(turns: int = 10) -> None:
    """Let the event loop do what is due."""
    for _ in range(turns):
        await asyncio.sleep(0)
