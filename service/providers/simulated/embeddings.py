"""Embeddings without a model: texts that share words lie near each other; all are unit vectors."""

from __future__ import annotations

import math
import struct
from array import array
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

from pydantic_core import to_json

from service.providers.simulated.faults import rejected

PLACES_PER_WORD = 8
MAXIMUM_INPUTS = 2048
MAXIMUM_WORDS = 8192
"""Of one input; of a longer one the first so many count, as do its first characters."""
MAXIMUM_CHARACTERS = 128 * MAXIMUM_WORDS
MAXIMUM_WORDS_IN_ALL = 300_000
MAXIMUM_DIMENSIONS = 4096
MOST_AT_ONCE = 16_384
"""Numbers in an answer, and bytes of a request: more take longer than the event loop may wait."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an embeddings request asks for; `inputs` are as they came."""

    inputs: Sequence[object]
    dimensions: int
    base64: bool

    @property
    def numbers(self) -> int:
        """How many the answer holds."""
        return len(self.inputs) * self.dimensions


@dataclass(frozen=True, slots=True)
class Embedded:
    """An OpenAI-shaped embeddings answer, with its JSON text where it is a long one.

    Then the numbers are in the text alone.
    """

    body: dict[str, Any]
    encoded: bytes | None = None


def asked_for(body: Mapping[str, Any], default: int) -> Asked:
    """What a body asks for; `default`: dimensions where it names none. Raises `ProviderRejected`.

    Floats, or base64 of little-endian 32-bit floats.
    """
    dimensions = _dimensions(body, default)
    form: object = body.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise rejected(
            "'encoding_format' must be 'float' or 'base64'.",
            param="encoding_format",
        )
    return Asked(_inputs(body.get("input")), dimensions, form == "base64")


def embeddings(
    asked: Asked, *, model: str, seed: int, tokens: int, in_pieces: bool = False
) -> Embedded:
    """The answer. Raises `ProviderRejected` for too many words."""
    texts = _texts(asked.inputs)
    space = _Space(f"{seed}:{model}".encode()[:64], asked.dimensions)
    vectors = (space.vector(words) for words in texts)
    written = (_base64(one) if asked.base64 else one.tolist() for one in vectors)
    items = ({**_ITEM, "index": at, "embedding": one} for at, one in enumerate(written))
    head: dict[str, Any] = {"object": "list"}
    rest = {"model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    if not in_pieces:
        return Embedded({**head, "data": list(items), **rest})
    data = b",".join(to_json(item) for item in items)
    text = b'{"object":"list","data":[' + data + b"]," + to_json(rest)[1:]
    missing = [{**_ITEM, "index": at, "embedding": None} for at in range(len(texts))]
    return Embedded({**head, "data": missing, **rest}, text)


_ITEM: Mapping[str, Any] = {"object": "embedding"}


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


def _inputs(value: object) -> Sequence[object]:
    """The inputs: a text or token ids each."""
    if isinstance(value, str):
        return [value]
    items = cast("Sequence[object]", value) if isinstance(value, Sequence) else ()
    if items and isinstance(items[0], int | float):
        return [items]
    if not items or len(items) > MAXIMUM_INPUTS:
        raise rejected(
            f"'input' must be a text, a list of 1 to {MAXIMUM_INPUTS} texts, or token ids.",
            param="input",
        )
    return items


def _texts(inputs: Sequence[object]) -> list[list[str]]:
    texts: list[list[str]] = []
    left = MAXIMUM_WORDS_IN_ALL
    for one in inputs:
        texts.append(_words(one))
        left -= len(texts[-1])
        if left < 0:
            raise rejected(
                f"'input' may hold {MAXIMUM_WORDS_IN_ALL:,} words or token ids in all.",
                param="input",
            )
    return texts


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        text = value[:MAXIMUM_CHARACTERS].lower()
        return text.split(maxsplit=MAXIMUM_WORDS)[:MAXIMUM_WORDS]
    ids = cast("Sequence[float]", value) if isinstance(value, Sequence) else ()
    return [str(int(one)) for one in ids[:MAXIMUM_WORDS]]


class _Space:
    """Vectors of so many dimensions; a word has the same places in each of them."""

    def __init__(self, key: bytes, dimensions: int) -> None:
        self._key = key
        self._dimensions = dimensions
        self._known: dict[str, tuple[tuple[int, float], ...]] = {}

    def vector(self, words: Iterable[str]) -> array[float]:
        """Each word adds ±1 at a few places its hash chooses; then the sum is brought to length 1.

        The empty word is in every text, so that no vector is zero.
        """
        sums = [0.0] * self._dimensions
        for word in ("", *words):
            for place, step in self._known.get(word) or self._places(word):
                sums[place] += step
        if not any(sums):
            sums[0] = 1.0
        length = math.sqrt(sum(value * value for value in sums))
        return array("f", (value / length for value in sums))

    def _places(self, word: str) -> tuple[tuple[int, float], ...]:
        digest = blake2b(
            word.encode(errors="replace"), digest_size=PLACES_PER_WORD * 4, key=self._key
        ).digest()
        found = self._known[word] = tuple(
            ((number >> 1) % self._dimensions, 1.0 if number & 1 else -1.0)
            for (number,) in struct.iter_unpack("<I", digest)
        )
        return found


def _base64(vector: array[float]) -> str:
    swapped = array("f", vector)
    if _BIG_ENDIAN:
        swapped.byteswap()
    return b64encode(swapped.tobytes()).decode()


_BIG_ENDIAN = array("H", [1]).tobytes() != b"\x01\x00"
