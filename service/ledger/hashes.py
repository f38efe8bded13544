"""Reads large hashes of counters without holding up Redis or the event loop.

A day of 500 apps has 25,000 counters. The Redis client takes a reply apart on the event loop, field
by field, and no request goes on meanwhile; so Redis is asked for texts of JSON instead, which can
be read in a thread. Redis answers nobody else while it writes one, so none holds all of a hash.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from service.ledger.scripts import load_script
from service.redis_keys import WRONG_TYPE, DamagedKey, is_wrong_type


class Fields(NamedTuple):
    """The names of counters, with the values they are of, and their amounts; and their key."""

    key: str
    amounts: Iterable[tuple[str, str]]


class Texts(NamedTuple):
    """One hash as Redis told it."""

    key: str
    parts: Sequence[bytes]


_READ = load_script("service.ledger", "read")
_FIELDS_AT_ONCE = 2_000


async def read(client: Any, keys: Sequence[str]) -> list[Texts]:
    """Read hashes side by side; `fields` tells what is in them. Raises `DamagedKey`.

    What is counted meanwhile may be in them or not: a large hash that grows is not of one moment.
    """
    found: list[list[bytes]] = [[] for _ in keys]
    places = dict.fromkeys(range(len(keys)), b"0")
    while places:
        pipeline = client.pipeline(transaction=False)
        for n, place in places.items():
            pipeline.eval(_READ.source, 1, keys[n], place, _FIELDS_AT_ONCE)
        replies = await pipeline.execute(raise_on_error=False)
        asked = list(places)
        places.clear()
        for n, reply in zip(asked, replies, strict=True):
            place, text = told(keys[n], reply)
            found[n].append(text)
            if place != b"0":
                places[n] = place
    return [Texts(key, parts) for key, parts in zip(keys, found, strict=True)]


def told(key: str, reply: Any) -> Any:
    """A reply of a pipeline on one key. Raises `DamagedKey`, and any other error it is."""
    if is_wrong_type(reply):
        raise DamagedKey(key, WRONG_TYPE)
    if isinstance(reply, Exception):
        raise reply
    return reply


def fields(texts: Texts) -> Fields:
    """The fields of a hash, each once, in no order."""
    found: dict[str, str] = {}
    for text in texts.parts:
        # An empty list is written as an empty object.
        listed: list[str] = list(json.loads(text.decode(errors="replace")))
        found.update(zip(listed[::2], listed[1::2], strict=True))
    return Fields(texts.key, found.items())


def whole(key: str, fields: Mapping[bytes, bytes]) -> Fields:
    """The fields of a hash that was read at once."""
    return Fields(
        key,
        [
            (name.decode(errors="replace"), amount.decode(errors="replace"))
            for name, amount in fields.items()
        ],
    )
