"""Takes credentials out of text before it leaves the process.

`redact` is cheap where there is nothing to find: one search decides whether any pattern is tried
at all. It errs on the side of hiding, and redacting twice changes nothing more.
"""

import re
from typing import Final
from urllib.parse import unquote_plus

MASK: Final = "[REDACTED]"

_FLAGS: Final = re.IGNORECASE
# What stands between a name and its value: `: `, `=`, `': '`, `", b"`, `%3D` …
# It is atomic: giving a part of it back would take that part for the value.
_SEPARATOR: Final = (
    r"""(?>(?:\\?["'])?\s*(?:[:=,]|%3[aAdD]|=>)\s*\(?\s*(?:b(?=["']))?(?:\\?["'])?\s*)"""
)
_UNLESS_DONE: Final = r"(?!\[REDACTED\])"
_VALUE: Final = rf"""{_UNLESS_DONE}[^\s"',;&)}}\]\\]+"""

# Where a word begins; after `\\n` too, as JSON and `repr` write the end of a line.
_START: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4}))"

# Group 1 of each pattern is what is kept: the words that name the credential.
_SCHEME: Final = r"(?:bearer|basic|digest|token|apikey)"
_AUTHORIZATION: Final = re.compile(
    rf"""(authorization{_SEPARATOR}(?:{_SCHEME}\s+)?+){_VALUE}""", _FLAGS
)
_BEARER: Final = re.compile(
    rf"({_START}(?:bearer|basic)(?:\s+|\++))(?!\[REDACTED\])[A-Za-z0-9._~+/=\-]{{6,}}", _FLAGS
)
_COOKIE: Final = re.compile(
    rf"""({_START}(?:set-)?cookie{_SEPARATOR}){_UNLESS_DONE}[^"'\r\n)}}\]\\]+""", _FLAGS
)
_NAMED: Final = re.compile(
    rf"""({_START}(?:[a-z0-9]+[-_.])*(?:api[-_]?key|apikey|passw(?:or)?d|pwd|secret(?:[-_]key)?"""
    r"""|access[-_]token|refresh[-_]token|auth[-_]token|session[-_]token|token(?==)|private[-_]key"""
    rf"""|signature){_SEPARATOR}){_VALUE}""",
    _FLAGS,
)
_KEY: Final = re.compile(
    rf"{_START}"
    r"(gw_|sk-|sk_|pk-|pk_|rk_|xai-|gsk_|hf_|ghp_|github_pat_|glpat-|xox[abp]-|AKIA|AIza|eyJ)"
    r"[A-Za-z0-9_\-]{6,}(?:\.[A-Za-z0-9_\-]+)*"
)
_URL_USER: Final = re.compile(
    r"""(\b[a-zA-Z][a-zA-Z0-9+.\-]{0,30}://)(?!\[REDACTED\]@)[^/?#\s"'<>\\]*@"""
)
_QUERY: Final = re.compile(
    r"((?:^|[?&;])(?:[a-z0-9]+[-_.])*(?:api[-_]?key|key|token|secret|password|passwd|pwd|signature|sig"
    rf"|auth|code|credential)=){_VALUE}",
    _FLAGS,
)

_KEY_STARTS: Final = (
    *("gw_", "sk-", "sk_", "pk-", "pk_", "rk_", "xai-", "gsk_", "hf_", "ghp_", "pat", "xox"),
    *("akia", "aiza", "eyj"),
)
# The needle is looked for in lower case; a pattern runs only where one of its needles is found.
_RULES: Final = (
    (("authorization",), _AUTHORIZATION, rf"\1{MASK}"),
    (("bearer", "basic"), _BEARER, rf"\1{MASK}"),
    (("cookie",), _COOKIE, rf"\1{MASK}"),
    (("key", "pass", "pwd", "secret", "token", "signature"), _NAMED, rf"\1{MASK}"),
    (_KEY_STARTS, _KEY, rf"\1{MASK}"),
    (("@",), _URL_USER, rf"\1{MASK}@"),
    (("=",), _QUERY, rf"\1{MASK}"),
)
_SUSPICIOUS: Final = re.compile(
    r"authorization|bearer|basic|cookie|key|pass|pwd|secret|token|signature|gw_|[sp]k[-_]|rk_|xai-"
    r"|gsk_|hf_|ghp_|pat[-_]|xox|akia|aiza|eyj|@|(?:^|[?&;])[^=\s]{0,60}=",
    _FLAGS,
)
_SECRET_NAME: Final = re.compile(
    r"authorization|cookie|passw|passwd|secret|api[-_.]?key|credential|private[-_.]?key"
    r"|(?:^|[-_.])(?:token|pwd)$",
    _FLAGS,
)
# A piece of a URL: what may be percent-encoded in one go.
_PIECE: Final = re.compile(r"""[^\s"'<>&;?]+""")
_DECODINGS: Final = 3


def redact(text: str) -> str:
    """Return the text with every credential it holds replaced by `[REDACTED]`."""
    text = _redact_plain(text)
    return _PIECE.sub(_redact_encoded, text) if "%" in text else text


def _redact_plain(text: str) -> str:
    if _SUSPICIOUS.search(text) is None:
        return text
    lowered = text.lower()
    for needles, pattern, replacement in _RULES:
        for needle in needles:
            if needle in lowered:
                text = pattern.sub(replacement, text)
                break
    return text


def _redact_encoded(found: re.Match[str]) -> str:
    """Hide a piece of a URL whose decoded form holds a credential; its beginning may stay."""
    piece = found[0]
    plain = piece.find("%")
    if plain < 0:
        return piece
    decoded = piece
    for _ in range(_DECODINGS):
        before, decoded = decoded, unquote_plus(decoded)
        if decoded == before:
            break
        if _redact_plain(decoded) != decoded:
            kept = max(piece.rfind("/", 0, plain), piece.find("=", 0, plain)) + 1
            return piece[:kept] + MASK
    return piece


def names_a_secret(key: str) -> bool:
    """Say whether a value under this key is a credential whatever it looks like."""
    return _SECRET_NAME.search(key) is not None
