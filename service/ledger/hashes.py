"""Reads large hashes of counters without holding up Redis or the event loop.

A day of 500 apps has 25,000 counters. The Redis client takes a reply apart on the event loop, field
by field, and no request goes on meanwhile; so Redis is asked for texts of JSON instead, which can
be read in a thread. Redis answers nobody else while it writes one, so none holds all of a hash.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from service.ledger.scripts import load_script

Fields = Iterable[tuple[str, str]]
"""The names of counters, with the values they are of, and their amounts."""
Texts = Sequence[bytes]
"""One hash as Redis told it."""

_READ = load_script("service.ledger", "read")
_FIELDS_AT_ONCE = 2_000


async def read(client: Any, keys: Sequence[str]) -> list[Texts]:
    """Read hashes side by side; `fields` tells what is in them.

    What is counted meanwhile may be in them or not: a large hash that grows is not of one moment.
    """
    found: list[list[bytes]] = [[] for _ in keys]
    places = dict.fromkeys(range(len(keys)), b"0")
    while places:
        pipeline = client.pipeline(transaction=False)
        for n, place in places.items():
            pipeline.eval(_READ.source, 1, keys[n], place, _FIELDS_AT_ONCE)
        parts = zip(list(places), await pipeline.execute(), strict=True)
        places.clear()
        for n, (place, text) in parts:
            found[n].append(text)
            if place != b"0":
                places[n] = place
    return list(found)


def fields(texts: Texts) -> Fields:
    """The fields of a hash, each once, in no order."""
    found: dict[str, str] = {}
    for text in texts:
        # An empty list is written as an empty object.
        told: list[str] = list(json.loads(text.decode(errors="replace")))
        found.update(zip(told[::2], told[1::2], strict=True))
    return found.items()


def whole(fields: Mapping[bytes, bytes]) -> Fields:
    """The fields of a hash that was read at once."""
    for name, amount in fields.items():
        yield name.decode(errors="replace"), amount.decode()
