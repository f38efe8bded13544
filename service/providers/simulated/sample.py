"""A value that fits a JSON schema, drawn from a seeded generator: tool arguments, JSON answers."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, cast

from service.providers.shapes import as_list, as_object
from service.providers.simulated.words import WORDS

MAXIMUM_DEPTH = 8


def sample(schema: object, random: Random) -> Any:
    """A value that fits the usual part of JSON schema; null where the schema is not understood."""
    root: Mapping[str, Any] = as_object(schema)
    return _value(root, random, root, 0)


def _value(schema: Mapping[str, Any], random: Random, root: Mapping[str, Any], depth: int) -> Any:
    schema = _resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    for key in ("enum", "anyOf", "oneOf"):
        options = as_list(schema.get(key))
        if options:
            chosen: object = random.choice(options)
            return chosen if key == "enum" else _value(as_object(chosen), random, root, depth + 1)
    kind: object = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        kind = next(iter(as_list(cast("object", kind))), None)
    if depth >= MAXIMUM_DEPTH:
        return {} if kind == "object" else None
    if kind == "object":
        properties = as_object(schema.get("properties"))
        return {
            name: _value(as_object(inner), random, root, depth + 1)
            for name, inner in properties.items()
        }
    if kind == "array":
        count = max(1, _integer(schema.get("minItems"), 1))
        items = as_object(schema.get("items"))
        return [_value(items, random, root, depth + 1) for _ in range(min(count, 16))]
    return _scalar(str(kind), schema, random)


def _scalar(kind: str, schema: Mapping[str, Any], random: Random) -> Any:
    if kind in ("integer", "number"):
        low = _integer(schema.get("minimum"), 0)
        high = max(low, _integer(schema.get("maximum"), low + 100))
        number = random.randint(low, high)
        return number if kind == "integer" else float(number)
    if kind == "boolean":
        return random.random() < 0.5
    if kind == "string":
        return " ".join(random.choices(WORDS, k=random.randint(1, 3)))
    return None


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow local references; one that leads nowhere, or round and round, is an empty schema."""
    for _ in range(MAXIMUM_DEPTH):
        reference: object = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return schema
        found: object = root
        for part in reference.removeprefix("#").strip("/").split("/"):
            found = as_object(found).get(part) if part else found
        schema = as_object(found)
    return {}


def _integer(value: object, default: int) -> int:
    return int(value) if isinstance(value, int | float) and abs(value) < 2**53 else default
