"""Takes credentials out of text before it leaves the process.

`redact` is cheap where there is nothing to find: a few substring checks decide whether any pattern
is tried at all. It errs on the side of hiding.
"""

import re
from collections.abc import Callable
from typing import Final

MASK: Final = "[REDACTED]"

# Each pattern keeps what names the credential (group 1) and hides the credential itself.
_AUTHORIZATION: Final = re.compile(
    r"""((?:proxy-)?authorization["']?\s*[:=,]\s*\(?b?["']?\s*)(?:(bearer|basic|digest|token)\s+)?[^\s"',;)}\]]+""",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(r"(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{6,}", re.IGNORECASE)
_COOKIE: Final = re.compile(
    r"""(\b(?:set-)?cookie["']?\s*[:=,]\s*\(?b?["']?\s*)[^"'\r\n)}\]]+""", re.IGNORECASE
)
_KEY_HEADER: Final = re.compile(
    r"""(\b(?:x-)?(?:goog-)?api[-_]?key["']?\s*[:=,]\s*\(?b?["']?\s*)[^\s"',;&)}\]]+""",
    re.IGNORECASE,
)
_KEY: Final = re.compile(r"\b(gw_|sk-|sk_|pk-|rk_|xai-|gsk_|hf_|ghp_|AIza)[A-Za-z0-9_\-]{6,}")
_URL_USER: Final = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.\-]{0,30}://)[^/?#\s\"'<>@]*@")
_QUERY: Final = re.compile(
    r"([?&;](?:[a-z0-9_\-]*(?:api[-_]?key|token|secret|password|passwd|signature)|key|sig|auth|code)=)"
    r"[^&#\s\"'<>]+",
    re.IGNORECASE,
)
_SECRET_FIELD: Final = re.compile(
    r"""(\b[a-z0-9_\-]{0,40}(?:password|passwd|secret|access[-_]token|refresh[-_]token)["']?\s*[:=]\s*["']?)[^\s"',;&)}\]]+""",
    re.IGNORECASE,
)

_SECRET_NAME: Final = re.compile(
    r"authorization|cookie|passw|secret|api[-_.]?key|credential|private[-_.]?key|(?:^|[-_.])token$",
    re.IGNORECASE,
)

_Rule = tuple[tuple[str, ...], "re.Pattern[str]", str]
# The needles are looked for in lower case; a pattern runs only where one of its needles is there.
_RULES: Final[tuple[_Rule, ...]] = (
    (("authorization",), _AUTHORIZATION, rf"\1{MASK}"),
    (("bearer", "basic"), _BEARER, rf"\1{MASK}"),
    (("cookie",), _COOKIE, rf"\1{MASK}"),
    (("key",), _KEY_HEADER, rf"\1{MASK}"),
    (
        ("gw_", "sk-", "sk_", "pk-", "rk_", "xai-", "gsk_", "hf_", "ghp_", "aiza"),
        _KEY,
        rf"\1{MASK}",
    ),
    (("@",), _URL_USER, rf"\1{MASK}@"),
    (("=",), _QUERY, rf"\1{MASK}"),
    (("passw", "secret", "token"), _SECRET_FIELD, rf"\1{MASK}"),
)
_SUSPICIOUS: Final = re.compile(
    r"authorization|bearer|basic|cookie|key|gw_|sk-|sk_|pk-|rk_|xai-|gsk_|hf_|ghp_|aiza|@|passw|secret|token|[?&;][^=\s]*=",
    re.IGNORECASE,
)
_suspicious: Final[Callable[[str], object]] = _SUSPICIOUS.search


def redact(text: str) -> str:
    """Return the text with every credential it holds replaced by `[REDACTED]`."""
    if len(text) < 5 or _suspicious(text) is None:
        return text
    lowered = text.lower()
    for needles, pattern, replacement in _RULES:
        for needle in needles:
            if needle in lowered:
                text = pattern.sub(replacement, text)
                break
    return text


def names_a_secret(key: str) -> bool:
    """Say whether a value under this key is a credential whatever it looks like."""
    return _SECRET_NAME.search(key) is not None
