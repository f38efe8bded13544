"""From the bytes of a body to one that was checked, without holding up the event loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from service.api.body import parse_json_object
from service.api.schemas import check, with_whole_numbers
from service.aside import aside
from service.errors import InvalidRequest
from service.json_weight import HEAVY_BYTES, LIGHT, LIGHT_BYTES, Weight, weigh
from service.tokens import estimate_input_tokens


@dataclass(frozen=True, slots=True)
class CheckedBody:
    """A body that fits its schema; of a heavy one the input tokens are estimated, else None."""

    fields: dict[str, Any]
    weight: Weight
    input_tokens: int | None = None


async def checked_body(raw: bytes, schema: TypeAdapter[Any], *, most_values: int) -> CheckedBody:
    """Weigh a body, then parse and check it. Raises what is wrong with it, as a 4xx."""
    weight = LIGHT
    if len(raw) > LIGHT_BYTES:
        if len(raw) > HEAVY_BYTES:
            return await aside(_heavy_body, raw, schema, most_values)
        weight = _weighed(raw, most_values)
        if weight.heavy:
            return await aside(_heavy_body, raw, schema, most_values)
    return CheckedBody(_checked(raw, schema, weight), weight)


def _heavy_body(raw: bytes, schema: TypeAdapter[Any], most_values: int) -> CheckedBody:
    weight = _weighed(raw, most_values)
    fields = _checked(raw, schema, weight)
    return CheckedBody(fields, weight, estimate_input_tokens(fields))


def _checked(raw: bytes, schema: TypeAdapter[Any], weight: Weight) -> dict[str, Any]:
    body = parse_json_object(raw, weight)
    check(schema, body)
    return with_whole_numbers(body)


def _weighed(raw: bytes, most: int) -> Weight:
    weight = weigh(raw, most=most)
    if weight.values > most:
        raise InvalidRequest(
            f"The request body holds more than {most:,} JSON values, which is what this service "
            "takes (GAUGEWAY_MAX_BODY_VALUES; a key counts as three, an object or array as four). "
            "Send fewer messages, parts, tools or inputs in one request.",
            code="too_many_values",
        )
    return weight
