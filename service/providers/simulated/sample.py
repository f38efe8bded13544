"""A value that fits a JSON schema, drawn from a seeded generator: tool arguments, JSON answers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from random import Random
from typing import Any, cast

from service.providers.shapes import as_list, as_object
from service.providers.simulated.words import WORDS

MAXIMUM_DEPTH = 8
LONGEST_NAME = 256
LONGEST_TEXT = 16_384


class Sampler:
    """Draws values that fit the usual part of JSON schema; null where one is not understood.

    No more than `most` in all: a schema that refers to itself twice would grow without end.
    """

    def __init__(self, random: Random, most: int) -> None:
        self._random = random
        self._left = most

    def sample(self, schema: object) -> Any:
        """A value that fits a whole schema."""
        root = as_object(schema)
        return self._value(root, root, 0)

    def _value(self, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
        self._left -= 1
        schema = _resolved(schema, root)
        if "const" in schema:
            return self._copy(schema["const"])
        if options := as_list(schema.get("enum")):
            return self._copy(self._random.choice(options))
        ended = depth >= MAXIMUM_DEPTH or self._left < 0
        for key in ("anyOf", "oneOf"):
            if options := as_list(schema.get(key)):
                chosen = as_object(self._random.choice(options))
                return None if ended else self._value(chosen, root, depth + 1)
        kind = _kind(schema)
        if ended:
            return {} if kind == "object" else None
        if kind == "object":
            members = as_object(schema.get("properties")).items()
            return {
                name[:LONGEST_NAME]: self._value(as_object(inner), root, depth + 1)
                for name, inner in takewhile(self._has_room, members)
            }
        if kind == "array":
            count = min(max(1, _integer(schema.get("minItems"), 1)), 16)
            items = as_object(schema.get("items"))
            places = takewhile(self._has_room, range(count))
            return [self._value(items, root, depth + 1) for _ in places]
        return _scalar(kind, schema, self._random)

    def _copy(self, value: object) -> Any:
        """A value that a schema states, as much of it as there is room for."""
        self._left -= 1
        if isinstance(value, str):
            return value[:LONGEST_TEXT]
        if isinstance(value, dict):
            members = takewhile(self._has_room, as_object(cast("object", value)).items())
            return {name[:LONGEST_NAME]: self._copy(one) for name, one in members}
        if isinstance(value, list):
            return [
                self._copy(one) for one in takewhile(self._has_room, as_list(cast("object", value)))
            ]
        return value

    def _has_room(self, _: object) -> bool:
        return self._left > 0


def _kind(schema: Mapping[str, Any]) -> str:
    kind: object = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        kind = next(iter(as_list(cast("object", kind))), None)
    return kind if isinstance(kind, str) else ""


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
