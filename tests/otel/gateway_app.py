"""An application that records inferences and shows its metrics, for tests of many workers."""

import asyncio
import os
from decimal import Decimal

from fastapi import FastAPI, Response

from otel import exposition
from otel.inference import Operation, Telemetry, Usage

app = FastAPI()
telemetry = Telemetry.from_globals()


@app.get("/infer")
async def infer() -> dict[str, int]:
    with telemetry.inference(Operation("chat", "simulated", "simulated")) as inference:
        inference.usage(Usage(10, 20))
        inference.cost(Decimal("0.25"))
    return {"process": os.getpid()}


@app.get("/metrics")
async def metrics() -> Response:
    text, content_type = await asyncio.to_thread(exposition.render)
    return Response(text, media_type=content_type)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}
