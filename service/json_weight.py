"""How much there is in a JSON text, told from its bytes: before it is parsed, and much sooner.

A million empty lists are three megabytes of text, and a hundred of memory and a second of work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LIGHT_BYTES: int = 4096
"""A text no longer than this is light whatever is in it."""
HEAVY_BYTES: int = 2**20
HEAVY_VALUES: int = 16_384
HUGE_BYTES: int = 8 * 2**20
"""Above this even a single call into C for the whole text takes too long for the event loop."""
_SLICE = 256 * 1024
_KEY, _CONTAINER = 3, 4


@dataclass(frozen=True, slots=True)
class Weight:
    """Of one JSON text: its bytes, and no less than the values in it.

    A text, number, true, false or null counts as one value, a key as three and an object or array
    as four, which is what they take to parse, to check and to write again. `heavy`: what is done
    with it value by value is to be done beside the event loop.
    """

    size: int = 0
    values: int = 0
    heavy: bool = False

    @property
    def huge(self) -> bool:
        """Whether it is also to be done in slices."""
        return self.size > HUGE_BYTES


LIGHT = Weight()


def weigh(raw: bytes, *, most: int) -> Weight:
    """The weight of a JSON text; once it is above `most` values, where counting ended.

    Of a text that is no JSON it is the weight up to the place where a parser would give up.
    """
    values = _values(raw)
    # Texts may hold JSON in their turn, as the arguments of tool calls do.
    heavy = len(raw) > HEAVY_BYTES or values > HEAVY_VALUES
    if values > most:
        # Prose has commas too.
        values = _values_outside_texts(raw, most)
    return Weight(len(raw), values, heavy)


def _values(raw: bytes) -> int:
    containers = raw.count(b"[") + raw.count(b"{")
    return raw.count(b",") + _KEY * raw.count(b":") + _CONTAINER * containers


def outside_texts(raw: bytes) -> Iterator[bytes]:
    """What stands between the texts of a JSON text, in slices and with a `"` for each text."""
    inside, at = False, 0
    while at < len(raw):
        part = raw[at : at + _SLICE]
        if (len(part) - len(part.rstrip(b"\\"))) % 2:
            part = raw[at : at + _SLICE + 1]  # An escape ends with its slice.
        at += len(part)
        bare = part.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        yield b'"'.join(bare[1 if inside else 0 :: 2])
        inside ^= not len(bare) % 2


def _values_outside_texts(raw: bytes, most: int) -> int:
    values = 0
    for part in outside_texts(raw):
        # Each text is a value or a key; where there is nothing between them it is no JSON.
        values += max(_values(part), part.count(b'"'))
        if values > most:
            break
    return values
