"""What the OpenAPI document says of the operators' addresses; schemas come from the models."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.api.admin.documents import (
    BudgetsReport,
    HealthReport,
    HistoryDay,
    LatencyReport,
    MetricsReport,
    OpenHealth,
)
from service.api.documentation import (
    SECURITY,
    Json,
    Responses,
    answer,
    errors,
    json_content,
    reference,
    string_header,
)
from service.ledger.documents import Notable, Usage

_TEMPLATE: Final = "#/components/schemas/{model}"
_MODELS: Final[tuple[type[BaseModel], ...]] = (
    Usage,
    LatencyReport,
    HistoryDay,
    BudgetsReport,
    HealthReport,
    OpenHealth,
    MetricsReport,
    Notable,
)
_SESSION: Json = {"session": []}
SECURED: Json = {"security": [*SECURITY, _SESSION]}
_REFUSED: Final[dict[int, str]] = {
    401: "No key of an operator and no session, or none that is active.",
    403: "The key's role is not admin, or a form's token is missing.",
    429: "No key of an operator, as many before it were not.",
    503: "Redis does not answer.",
}


_TOO_MANY: Final = 429
_RETRY_AFTER: Json = {"retry-after": string_header(r"^[0-9]+$", "Seconds.")}


def _refusals(*statuses: int) -> Responses:
    found = errors(*(status for status in statuses if status not in _REFUSED))
    for status in statuses:
        if status in _REFUSED:
            found[status] = answer(_REFUSED[status], json_content(reference("Error")))
        if status == _TOO_MANY:
            found[status] |= {"headers": _RETRY_AFTER}
    return found


def _of(description: str, schema: Json) -> Responses:
    return {
        200: answer(description, json_content(schema)),
        **_refusals(400, 401, 403, 429, 503),
    }


USAGE_RESPONSES = _of("What was used.", reference("Usage"))
LATENCY_RESPONSES = _of("How long it took.", reference("LatencyReport"))
HISTORY_RESPONSES = _of(
    "The days, oldest first.", {"type": "array", "items": reference("HistoryDay")}
)
BUDGETS_RESPONSES = _of("The budgets.", reference("BudgetsReport"))
NOTABLE_RESPONSES = _of("The requests, most notable first.", reference("Notable"))
METRICS_RESPONSES = _of("The figures of the moment.", reference("MetricsReport"))
PROMETHEUS_RESPONSES: Responses = {
    200: answer("Prometheus text.", {"text/plain": {"schema": {"type": "string"}}}),
    **_refusals(401, 403, 429),
}
HEALTH_RESPONSES: Responses = {
    200: answer(
        "The details for operators; for anybody else whether it is up.",
        json_content({"anyOf": [reference("HealthReport"), reference("OpenHealth")]}),
    )
}
OPEN_OR_SECURED: Json = {"security": [{}, *SECURITY]}

_HTML: Json = {"text/html": {"schema": {"type": "string"}}}
_ON: Json = {"description": "Go on to another page.", "headers": {}}
FORM_RESPONSES: Responses = {200: answer("The form.", _HTML), 303: _ON}
FORM_PARAMETERS: Json = {
    "parameters": [
        {
            "name": "next",
            "in": "query",
            "required": False,
            "schema": {"type": "string"},
            "description": "Where to go after logging in: a page below /admin.",
        }
    ]
}
LOGIN_BODY: Json = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["key", "csrf_token"],
                    "properties": {
                        "key": {"type": "string", "description": "An active key of role admin."},
                        "csrf_token": {"type": "string", "description": "As the form holds it."},
                        "next": {"type": "string"},
                    },
                }
            }
        },
    }
}
LOGIN_RESPONSES: Responses = {
    303: _ON,
    401: answer("The key is not known or not active.", _HTML),
    403: answer("The key's role is not admin, or the form is not ours.", _HTML),
    429: answer("The key is not known, and neither were many before it.", _HTML)
    | {"headers": _RETRY_AFTER},
    **errors(408, 413, 415),
}
LOGOUT_RESPONSES: Responses = {
    202: answer("Over in this worker; nothing could take a note of it for the others yet.", _HTML),
    303: _ON,
    **_refusals(401, 403, 408, 413, 429),
}


def schemas() -> Json:
    """The components that the answers refer to."""
    _, document = models_json_schema(
        [(model, "serialization") for model in _MODELS], ref_template=_TEMPLATE
    )
    found: dict[str, Any] = document.get("$defs", {})
    return found
