"""`POST /v1/embeddings`: OpenAI's embeddings."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api import documentation as document
from service.api.answers import answer_response
from service.api.context import runtime_of
from service.api.requests import model_request
from service.api.schemas import EMBEDDINGS

router = APIRouter()


@router.post(
    "/v1/embeddings",
    summary="Embed text",
    response_model=None,
    responses=document.EMBEDDINGS_RESPONSES,
    openapi_extra=document.EMBEDDINGS_EXTRA,
)
async def embed(request: Request) -> Response:
    """Embed one text or many, given as text or as token ids."""
    asked = await model_request(request, "embeddings", EMBEDDINGS)
    answer = await runtime_of(request).gateway.complete(asked)
    return answer_response(request, asked, answer)
