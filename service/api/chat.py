"""`POST /v1/chat/completions`: OpenAI's chat completions, plain and streamed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api import documentation as document
from service.api.answers import EventStreamResponse, answer_response
from service.api.context import runtime_of
from service.api.disconnect import DisconnectWatch
from service.api.requests import model_request
from service.api.schemas import CHAT

router = APIRouter()


@router.post(
    "/v1/chat/completions",
    summary="Complete a chat",
    response_model=None,
    responses=document.CHAT_RESPONSES,
    openapi_extra=document.CHAT_EXTRA,
)
async def complete_chat(request: Request) -> Response:
    """Answer a chat as a whole, or as server-sent events with `stream: true`.

    Tools, response formats and fields this service does not know go to the provider unchanged.
    """
    asked = await model_request(request, "chat", CHAT)
    gateway = runtime_of(request).gateway
    if asked.stream:
        watch = DisconnectWatch(request.receive)
        try:
            stream = await gateway.stream(asked, began=watch.begin)
        except BaseException:
            watch.end()
            raise
        return EventStreamResponse(request, asked, stream, watch)
    return answer_response(request, asked, await gateway.complete(asked))
