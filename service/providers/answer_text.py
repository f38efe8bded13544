"""JSON text from providers: short ones are parsed in one go, long ones in slices and within bounds.

A provider may send two thousand embeddings or the log probabilities of every token: millions of
numbers that clients get as they were sent, and that nobody here needs.
"""

from __future__ import annotations

import json
from typing import Final

from service.json_reader import Reading, TooManyValuesError, read_json

LONG_TEXT: Final = 64 * 1024
"""Bytes; what is longer is to be parsed beside the event loop."""
MAXIMUM_VALUES: Final = 400_000
"""Values that are kept of one answer, weighed as in `service.json_weight`."""
_SLICE: Final = 2**20
_READING: Final = Reading(most=MAXIMUM_VALUES, left_out=frozenset({"logprobs", "embedding"}))


def parse_answer(text: bytes) -> object:
    """The value of a whole text. Raises `ValueError`, of which the message can be shown.

    Of a long text the values of `logprobs` and `embedding` may be None.
    """
    try:
        return read_json(text, _READING) if len(text) > LONG_TEXT else json.loads(text.decode())
    except RecursionError:
        raise ValueError("something that is not JSON") from None
    except TooManyValuesError:
        raise ValueError(f"JSON of more than {MAXIMUM_VALUES:,} values") from None
    except ValueError:
        raise ValueError("something that is not JSON") from None


def may_hold_surrogates(text: bytes) -> bool:
    """Whether a character is written as an escape of a surrogate, half of a pair or both."""
    return any(
        b"\\ud" in part or b"\\uD" in part
        for part in (text[at : at + _SLICE + 2] for at in range(0, len(text), _SLICE))
    )
