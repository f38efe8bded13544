"""Embeddings without a model: texts that share words lie near each other; all are unit vectors."""

from __future__ import annotations

import math
from array import array
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, cast

from service.providers.simulated.faults import rejected
from service.tokens import estimate_input_tokens

PLACES_PER_WORD = 8
MAXIMUM_INPUTS = 2048
MAXIMUM_WORDS = 8192
MAXIMUM_DIMENSIONS = 4096


def embeddings(body: Mapping[str, Any], *, model: str, seed: int, default: int) -> dict[str, Any]:
    """An OpenAI-shaped embeddings answer, floats or base64 of little-endian 32-bit floats.

    `default`: dimensions where the body asks for none. Raises `ProviderRejected`.
    """
    dimensions = _dimensions(body, default)
    form: object = body.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise rejected(
            "'encoding_format' must be 'float' or 'base64'.",
            param="encoding_format",
        )
    tokens = estimate_input_tokens(body)
    vectors = [_vector(words, seed, model, dimensions) for words in _texts(body.get("input"))]
    return {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": _base64(vector) if form == "base64" else vector.tolist(),
            }
            for index, vector in enumerate(vectors)
        ],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _dimensions(body: Mapping[str, Any], default: int) -> int:
    wanted: object = body.get("dimensions")
    if wanted is None:
        return default
    if (
        isinstance(wanted, bool)
        or not isinstance(wanted, int)
        or not 1 <= wanted <= MAXIMUM_DIMENSIONS
    ):
        raise rejected(
            f"'dimensions' must be a whole number from 1 to {MAXIMUM_DIMENSIONS}.",
            param="dimensions",
        )
    return wanted


def _texts(value: object) -> list[list[str]]:
    """The inputs as words: a text, several, or token ids of one or several texts."""
    if isinstance(value, str):
        return [_words(value)]
    items = cast("Sequence[object]", value) if isinstance(value, Sequence) else ()
    if items and all(isinstance(item, int) for item in items):
        return [[str(item) for item in items]]
    if not items or len(items) > MAXIMUM_INPUTS:
        raise rejected(
            f"'input' must be a text, a list of 1 to {MAXIMUM_INPUTS} texts, or token ids.",
            param="input",
        )
    return [text for item in items for text in _texts(item)]


def _words(text: str) -> list[str]:
    return text.lower().split(maxsplit=MAXIMUM_WORDS)[:MAXIMUM_WORDS]


def _vector(words: Iterable[str], seed: int, model: str, dimensions: int) -> array[float]:
    """Each word adds ±1 at a few places its hash chooses; then the sum is brought to length 1."""
    key = f"{seed}:{model}".encode()[:64]
    sums = [0.0] * dimensions
    # The empty word is in every text, so that no vector is zero.
    for word in ("", *words):
        digest = blake2b(word.encode(errors="replace"), digest_size=PLACES_PER_WORD * 4, key=key)
        hashed = digest.digest()
        for at in range(0, len(hashed), 4):
            number = int.from_bytes(hashed[at : at + 4], "little")
            sums[(number >> 1) % dimensions] += 1.0 if number & 1 else -1.0
    if not any(sums):
        sums[0] = 1.0
    length = math.sqrt(sum(value * value for value in sums))
    return array("f", (value / length for value in sums))


def _base64(vector: array[float]) -> str:
    swapped = array("f", vector)
    if _BIG_ENDIAN:
        swapped.byteswap()
    return b64encode(swapped.tobytes()).decode()


_BIG_ENDIAN = array("H", [1]).tobytes() != b"\x01\x00"
