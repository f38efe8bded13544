"""Somebody's FastAPI application: it knows nothing of telemetry, yet gets all of it."""

import asyncio
import logging
from collections.abc import AsyncGenerator

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

app = FastAPI()
logger = logging.getLogger("foreign")


@app.get("/hello/{name}")
async def hello(name: str) -> dict[str, str]:
    logger.info("saying hello to %s", name)
    return {"hello": name}


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/endless")
async def endless() -> StreamingResponse:
    async def stream() -> AsyncGenerator[bytes]:
        while True:
            yield b"more\n"
            await asyncio.sleep(0.02)

    return StreamingResponse(stream())


@app.get("/refuse")
async def refuse(secret: str) -> None:
    logger.warning(
        "refused bearer %s", secret, extra={"authorization": secret, "key": f"sk-{secret}"}
    )
    raise HTTPException(401, "no")


@app.get("/fail")
async def fail(secret: str) -> None:
    try:
        _connect(f"redis://:{secret}@cache:6379/0")
    except ConnectionError as error:
        logger.exception("asking again")
        raise RuntimeError(f"Authorization: Bearer {secret}") from error


def _connect(url: str) -> None:
    raise ConnectionError(f"{url} is down")
