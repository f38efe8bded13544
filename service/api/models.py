"""`GET /v1/models` and `GET /v1/models/{model}`: what is served."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from service.api import documentation as document
from service.api.context import runtime_of
from service.api.requests import authenticate
from service.errors import ModelNotFound

router = APIRouter()


def model_object(name: str, owner: str) -> dict[str, Any]:
    """A model as OpenAI lists it; when it was made is not known, so that is 0."""
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


@router.get(
    "/v1/models",
    summary="List the models",
    response_model=None,
    responses=document.MODELS_RESPONSES,
    openapi_extra=document.SECURED,
)
async def list_models(request: Request) -> JSONResponse:
    """Every model a target serves, by its public name."""
    await authenticate(request)
    models = runtime_of(request).targets.models
    found = [model_object(name, ways[0].provider_name) for name, ways in models.items()]
    return JSONResponse({"object": "list", "data": found})


@router.get(
    "/v1/models/{model:path}",
    summary="Look up a model",
    response_model=None,
    responses=document.MODEL_RESPONSES,
    openapi_extra=document.SECURED,
)
async def retrieve_model(request: Request, model: str) -> JSONResponse:
    """One model by its public name."""
    await authenticate(request)
    ways = runtime_of(request).targets.models.get(model)
    if ways is None:
        raise ModelNotFound(f"The model '{model[:128]}' does not exist.", param="model")
    return JSONResponse(model_object(model, ways[0].provider_name))
