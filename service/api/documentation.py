"""The OpenAPI document: what the routers cannot say of themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api import headers
from service.api.schemas import CHAT, EMBEDDINGS

Json = dict[str, Any]
Responses = dict[int | str, Json]

_TEMPLATE = "#/components/schemas/{model}"
SECURITY: list[dict[str, list[str]]] = [{"apiKey": []}]
SECURED: Json = {"security": SECURITY}

_TRACE_ID = {
    "description": "The request's trace id.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_BILL_HEADERS: Mapping[str, tuple[str, str]] = {
    headers.COST: (r"^[0-9]+(\.[0-9]+)?$", "USD, a plain exact decimal; absent when unpriced."),
    headers.UNPRICED: (r"^true$", "Present where no price is known."),
    headers.CACHE: (r"^(hit|miss|bypass|off)$", "What the response cache did."),
    headers.TOKENS: (r"^[0-9]+$", "Input and output tokens that were paid for."),
    headers.DURATION: (r"^[0-9]+\.[0-9]{3}$", "How long it took."),
}
_ERRORS: Mapping[int, str] = {
    400: "The request cannot be served as it is written.",
    401: "No API key, or none that is known.",
    404: "No target serves the model.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    429: "The provider asks to slow down.",
    500: "The service failed inside.",
    502: "The provider failed.",
    503: "The provider or the service cannot serve now.",
    504: "The provider or the whole request took too long.",
}


def string_header(pattern: str, description: str) -> Json:
    """A header whose value is text of a pattern."""
    return {"description": description, "schema": {"type": "string", "pattern": pattern}}


def answer(description: str, content: Json, *, bill: Iterable[str] = ()) -> Json:
    """An answer, which carries the trace id, and of its bill these headers."""
    billed = {name: string_header(*_BILL_HEADERS[name]) for name in bill}
    found: Json = {headers.TRACE_ID: _TRACE_ID, **billed}
    return {"description": description, "headers": found, "content": content}


def json_content(schema: Json) -> Json:
    """A body of JSON."""
    return {"application/json": {"schema": schema}}


def reference(name: str) -> Json:
    """A schema among the components."""
    return {"$ref": _TEMPLATE.format(model=name)}


def errors(*statuses: int, charged: bool = False) -> Responses:
    """Answers in the one shape of errors; `charged`: what they cost, where they cost anything."""
    content = json_content(reference("Error"))
    bill = headers.CHARGES if charged else ()
    return {status: answer(_ERRORS[status], content, bill=bill) for status in statuses}


def _parameters(*names: tuple[str, Json, str]) -> list[Json]:
    return [
        {"name": name, "in": "header", "required": False, "schema": schema, "description": about}
        for name, schema, about in names
    ]


_MODEL_PARAMETERS = _parameters(
    (headers.COMPONENT, {"type": "string"}, "The part of the app that asks, if declared."),
    (
        headers.DEADLINE,
        {"type": "integer", "minimum": 1, "maximum": 10**12},
        "Milliseconds the answer may take; lowers the service's own limit.",
    ),
    (
        "cache-control",
        {"type": "string"},
        "`max-age=N` accepts an answer of up to N seconds of age; `no-cache` accepts none.",
    ),
)


def _body(name: str) -> Json:
    return {"required": True, "content": json_content(reference(name))}


CHAT_EXTRA: Json = {
    "requestBody": _body("ChatRequest"),
    "parameters": _MODEL_PARAMETERS,
    "security": SECURITY,
}
EMBEDDINGS_EXTRA: Json = {
    "requestBody": _body("EmbeddingsRequest"),
    "parameters": _MODEL_PARAMETERS,
    "security": SECURITY,
}
_EVENTS: Json = {
    "text/event-stream": {
        "schema": {
            "type": "object",
            "required": ["data"],
            "properties": {"data": {"type": "string"}},
            "description": "Events `data: <chat.completion.chunk>`, comments with the cost "
            "(`: gaugeway-cost-usd=…`), `data: [DONE]`. A failure midway is an event with `error`.",
        }
    }
}
_MODEL_ERRORS = errors(400, 401, 404, 408, 413, 415, 429, 500, 502, 503, 504, charged=True)
CHAT_RESPONSES: Responses = {
    200: answer(
        "The completion, or with `stream: true` its events.",
        json_content(reference("ChatCompletion")) | _EVENTS,
        bill=_BILL_HEADERS,
    ),
    **_MODEL_ERRORS,
}
EMBEDDINGS_RESPONSES: Responses = {
    200: answer("The embeddings.", json_content(reference("Embeddings")), bill=_BILL_HEADERS),
    **_MODEL_ERRORS,
}
MODELS_RESPONSES: Responses = {
    200: answer("The models.", json_content(reference("ModelList"))),
    **errors(401),
}
MODEL_RESPONSES: Responses = {
    200: answer("The model.", json_content(reference("Model"))),
    **errors(401, 404),
}
HEALTH_RESPONSES: Responses = {200: answer("Alive.", json_content(reference("Health")))}
READY_RESPONSES: Responses = {
    200: answer("Ready, or degraded.", json_content(reference("Readiness"))),
    503: answer("Requests are refused; `reason` says why.", json_content(reference("Readiness"))),
}
METRICS_RESPONSES: Responses = {
    200: answer("Prometheus text.", {"text/plain": {"schema": {"type": "string"}}}),
    401: errors(401)[401],
    403: answer("No scrape token is set.", json_content(reference("Error"))),
}


def json_object(required: tuple[str, ...], properties: Json) -> Json:
    """An object's schema."""
    return {"type": "object", "required": list(required), "properties": properties}


_STRING: Json = {"type": "string"}
_NULLABLE: Json = {"type": ["string", "null"]}
_SCHEMAS: Json = {
    "Error": json_object(
        ("error",),
        {
            "error": json_object(
                ("message", "type", "param", "code", "trace_id"),
                {
                    "message": _STRING,
                    "type": _STRING,
                    "param": _NULLABLE,
                    "code": _NULLABLE,
                    "trace_id": _STRING,
                },
            )
        },
    ),
    "ChatCompletion": json_object(
        ("id", "object", "model", "choices"),
        {
            "id": _STRING,
            "object": {"const": "chat.completion"},
            "created": {"type": "integer"},
            "model": _STRING,
            "choices": {"type": "array", "items": {"type": "object"}},
            "usage": {"type": ["object", "null"]},
        },
    ),
    "Embeddings": json_object(
        ("object", "data", "model"),
        {
            "object": {"const": "list"},
            "data": {"type": "array", "items": {"type": "object"}},
            "model": _STRING,
            "usage": {"type": ["object", "null"]},
        },
    ),
    "Model": json_object(
        ("id", "object", "created", "owned_by"),
        {
            "id": _STRING,
            "object": {"const": "model"},
            "created": {"type": "integer"},
            "owned_by": _STRING,
        },
    ),
    "ModelList": json_object(
        ("object", "data"),
        {"object": {"const": "list"}, "data": {"type": "array", "items": reference("Model")}},
    ),
    "Health": json_object(("status",), {"status": {"const": "up"}}),
    "Readiness": json_object(
        ("status",),
        {
            "status": {"enum": ["ready", "degraded", "unready"]},
            "reason": _STRING,
            "dependencies": {"type": "array", "items": reference("Dependency")},
            "background": {"type": "object", "additionalProperties": _STRING},
        },
    ),
    "Dependency": json_object(
        ("name", "up", "latency_ms", "checked_at", "problem"),
        {
            "name": _STRING,
            "up": {"type": "boolean"},
            "latency_ms": {"type": "number", "minimum": 0},
            "checked_at": {"type": "string", "format": "date-time"},
            "problem": _NULLABLE,
        },
    ),
}


def install_openapi(app: FastAPI, more_schemas: Callable[[], Json] = dict) -> None:
    """Have the app describe itself, the bodies it reads by hand included.

    `more_schemas` gives the components that answers of other rooms refer to.
    """

    def describe() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app, more_schemas())
        return app.openapi_schema

    app.openapi = describe


def _describe(app: FastAPI, more_schemas: Json) -> Json:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    schemas: Json = _SCHEMAS | more_schemas
    for adapter, name in ((CHAT, "ChatRequest"), (EMBEDDINGS, "EmbeddingsRequest")):
        schema = adapter.json_schema(ref_template=_TEMPLATE)
        schemas |= schema.pop("$defs", {})
        schemas[name] = schema
    components = document.setdefault("components", {})
    components["schemas"] = schemas
    components["securitySchemes"] = {
        "apiKey": {"type": "http", "scheme": "bearer", "description": "A key `gw_<id>_<secret>`."},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "gaugeway_session",
            "description": "What an operator gets for logging in at /admin/login.",
        },
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            # The framework would answer 422; this service answers 400 in OpenAI's shape.
            operation["responses"].pop("422", None)
    return document
