"""An entry as a line of text: a checksum and JSON, so that a line that was cut off shows."""

from __future__ import annotations

import json
import zlib
from dataclasses import fields
from typing import Any

from service.ledger.entry import Charge, Entry, Numbered

_FIELDS = tuple(field.name for field in fields(Entry))


def write_line(numbered: Numbered) -> bytes:
    """An entry as a line."""
    entry = numbered.entry
    facts: dict[str, Any] = {name: getattr(entry, name) for name in _FIELDS}
    facts["tokens"] = dict(entry.tokens)
    facts["charges"] = [
        [charge.key, charge.amount, charge.lease, charge.expires_at, charge.most_users]
        for charge in entry.charges
    ]
    text = json.dumps([numbered.number, facts], separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def read_line(line: bytes) -> Numbered | None:
    """The entry of a line; None where it is damaged."""
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
        return None
    try:
        number, facts = json.loads(text)
        facts["charges"] = tuple(Charge(*charge) for charge in facts["charges"])
        known = {name: facts[name] for name in _FIELDS if name in facts}
        return Numbered(int(number), Entry(**known))
    except (ValueError, TypeError, KeyError):
        return None
