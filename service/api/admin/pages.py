"""What the OpenAPI document says of the operators' pages."""

from __future__ import annotations

from typing import Final

from service.api.documentation import Json, Responses, answer, errors, json_content, reference

_HTML: Final[Json] = {"text/html": {"schema": {"type": "string"}}}
_ERROR: Final[Json] = json_content(reference("Error"))
PAGE_RESPONSES: Responses = {
    200: answer("The page, in every state of what it shows.", _HTML),
    303: {"description": "Without a session, for a browser: the way to the login."},
    401: answer("No key of an operator and no session, or none that is active.", _ERROR),
    403: answer("The key's role is not admin.", _ERROR),
    **errors(400),
}
TRACE_RESPONSES: Responses = {
    **PAGE_RESPONSES,
    404: answer("Tempo has no such trace, or this is no trace id.", {**_HTML, **_ERROR}),
}
