"""Which request paths belong to operators, however they are written.

Routes are matched exactly; what guards them must recognise more than the routes do, so that neither
a proxy that tidies paths nor a later route can be reached by another spelling.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

PREFIX: Final = "admin"
LOGIN: Final = "/admin/login"
GUARDED: Final = ((PREFIX,), ("api", "metrics"))
"""The first segments of every path for operators alone; `LOGIN` itself is the one exception."""
PAGES: Final = ((PREFIX,), (PREFIX, "monitoring"), (PREFIX, "traces"))
"""What a browser opens: the first alone, and the others with everything below them."""

_DECODINGS: Final = 8
_ORIGIN: Final = re.compile(r"^[a-z][a-z0-9+.\-]*://[^/]*")
# A few at a time: putting accents in order takes time that grows with the square of their number.
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]{1,16}")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
_INVISIBLE_ASCII: Final = dict.fromkeys(
    code for code in range(128) if unicodedata.category(chr(code)) in _INVISIBLE
)


def is_guarded(path: str) -> bool:
    """Whether a path, decoded once as servers do, is for operators; `LOGIN` is.

    Upper case, doubled and backward slashes, dots, further encoding, parameters after `;`,
    compatibility characters and invisible ones make no difference.
    """
    plain = _decoded(path)
    if plain is None:
        return True
    written = _segments(plain)
    if ".." in written:
        # What tidies paths disagrees on what `..` takes away: whatever could come of it counts.
        return any(set(first) <= set(written) for first in GUARDED)
    return any(written[: len(first)] == first for first in GUARDED)


def is_page(path: str) -> bool:
    """Whether a guarded path is one that people open in a browser."""
    segments = _segments(_decoded(path) or "")
    alone, *with_all_below = PAGES
    return ".." not in segments and (
        segments == alone or any(segments[: len(page)] == page for page in with_all_below)
    )


def _decoded(path: str) -> str | None:
    """The path without percent-encoding; None where there is no end to it."""
    for _ in range(_DECODINGS):
        plain = unquote(path)
        if plain == path:
            break
        path = plain
    else:
        return None
    if path.isascii():
        plain = path.lower().translate(_INVISIBLE_ASCII)
    else:
        plain = _FOREIGN.sub(_compatible, path).casefold()
        plain = "".join(char for char in plain if unicodedata.category(char) not in _INVISIBLE)
    return _ORIGIN.sub("", plain.replace("\\", "/"))


def _compatible(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", found[0])


def _segments(plain: str) -> tuple[str, ...]:
    parts = (part.partition(";")[0] for part in plain.split("/"))
    return tuple(part for part in parts if part not in ("", "."))
