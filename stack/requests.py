"""One request to the service, as its client saw it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

COST_COMMENT: Final = b": gaugeway-cost-usd="
_REQUEST_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `raw` replaces `body` on the wire; `leave_after` breaks a stream off after
    so many events, as a client that goes away does.
    """

    name: str
    path: str = "/v1/chat/completions"
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    raw: bytes | None = None
    leave_after: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `status` is 0 where nothing did. Times are Unix seconds, cost as it stood."""

    name: str
    status: int
    trace_id: str = ""
    cost: str = ""
    began: float = 0.0
    ended: float = 0.0
    text: str = ""


async def send(session: aiohttp.ClientSession, url: str, api_key: str, request: Request) -> Answer:
    """Send one request and read its answer to the end; never raises for what the service does."""
    began = time.time()
    data = request.raw if request.raw is not None else json.dumps(request.body).encode()
    headers = {
        "authorization": f"Bearer {api_key}",
        "content-type": "application/json",
        **request.headers,
    }
    timeout = aiohttp.ClientTimeout(total=_REQUEST_SECONDS)
    try:
        async with session.post(
            f"{url}{request.path}", data=data, headers=headers, timeout=timeout
        ) as answer:
            if answer.content_type == "text/event-stream":
                cost, text = await _read_stream(answer, request.leave_after)
            else:
                cost = answer.headers.get("x-gaugeway-cost-usd", "")
                text = await answer.text()
            return Answer(
                name=request.name,
                status=answer.status,
                trace_id=answer.headers.get("x-trace-id", ""),
                cost=cost,
                began=began,
                ended=time.time(),
                text=text,
            )
    except (TimeoutError, aiohttp.ClientError):
        return Answer(request.name, 0, began=began, ended=time.time())


async def _read_stream(answer: aiohttp.ClientResponse, leave_after: int | None) -> tuple[str, str]:
    cost, parts, events = "", list[str](), 0
    async for line in answer.content:
        if line.startswith(COST_COMMENT):
            cost = line.removeprefix(COST_COMMENT).decode().strip()
        if not line.startswith(b"data: {"):
            continue
        events += 1
        parts.append(_delta(line))
        if events == leave_after:
            # Closed, not released: the connection is not for another request.
            answer.close()
            break
    return cost, "".join(parts)


def _delta(line: bytes) -> str:
    chunk: Any = json.loads(line.removeprefix(b"data: "))
    choices: Any = chunk.get("choices")
    return str(choices[0].get("delta", {}).get("content") or "") if choices else ""
