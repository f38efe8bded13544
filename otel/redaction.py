r"""Takes credentials out of text before it leaves the process, in time that grows with its length.

Callers choose much of the text, so no pattern may look at a character again for each one before it:
each begins with a fixed word or character, what it repeats cannot be split in two ways, and what
it has passed it never gives back. Text without the words that betray a credential is not searched
by any. It errs on the side of hiding, and redacting twice changes nothing more.
"""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_plus

MASK: Final = "[REDACTED]"
CUT: Final = "…[truncated]"

# Patterns read text in lower case, so that each can begin with a letter: that is searched for fast.
_UNLESS_DONE: Final = r"(?!\[redacted\])"
_VALUE: Final = rf"""({_UNLESS_DONE}[^\s"',;&)}}\]\\]++)"""
# What stands between a name and its value: `: `, `=`, `': '`, `", b"`, `%3D`, `\\\": \\\"` …
# It is atomic: giving a part of it back would take that part for the value.
_SEPARATOR: Final = (
    r"""(?>(?:\\*["'])?\s*(?:=>|[:=]{1,2}|,|%3[ad])\s*\(?\s*(?:b(?=["']))?(?:\\*["'])?\s*)"""
)


def _starting(*words: str) -> str:
    """One of the words where a word begins; after `\\n` too, as JSON and `repr` end a line."""
    return "(?:" + "|".join(map(_from_its_start, words)) + ")"


def _from_its_start(word: str) -> str:
    # What stands before is looked at once three letters fit: few places come so far.
    head, rest = word[:3], word[3:]
    starts = (r"(?<![A-Za-z0-9]{0})", r"(?<=\\[nrtbf]{0})", r"(?<=\\u[0-9A-Fa-f]{{4}}{0})")
    return f"{head}(?:" + "|".join(start.format(head) for start in starts) + f"){rest}"


# Group 1 of each pattern is what is hidden; the words that name the credential stay.
_SCHEME: Final = r"(?:(?:bearer|basic|digest|token|apikey)\s++)?+"
_AUTHORIZATION: Final = re.compile(rf"authorization{_SEPARATOR}{_SCHEME}{_VALUE}")
_BEARER: Final = re.compile(
    rf"{_starting('bearer', 'basic')}(?:\s++|\++){_UNLESS_DONE}([a-z0-9._~+/=\-]{{6,}}+)"
)
_COOKIE: Final = re.compile(
    rf"""{_starting("cookie")}{_SEPARATOR}({_UNLESS_DONE}[^"'\r\n)}}\]\\]++)"""
)
_NAMED: Final = re.compile(
    _starting(
        *("api[-_]?key", "passw(?:or)?d", "pwd", "secret(?:[-_]key)?", "signature"),
        *(f"{kind}[-_]token" for kind in ("access", "refresh", "auth", "session")),
        *("token(?==)", "private[-_]key"),
    )
    + _SEPARATOR
    + _VALUE
)
_QUERY_NAME: Final = (
    r"(?:[a-z0-9]+[-_.])*(?:api[-_]?key|key|token|secret|password|passwd|pwd|signature|sig|auth|code"
    rf"|credential)={_VALUE}"
)
_QUERY: Final = re.compile(rf"[?&;]{_QUERY_NAME}")
_QUERY_START: Final = re.compile(rf"\A{_QUERY_NAME}")
# These two read the text as it is.
_KEY: Final = re.compile(
    _starting(
        *("gw_", "sk-", "sk_", "pk-", "pk_", "rk_", "xai-", "gsk_", "hf_", "ghp_", "github_pat_"),
        *("glpat-", "xox[abp]-", "AKIA", "AIza", "eyJ"),
    )
    + r"([A-Za-z0-9_\-]{6,}+(?:\.[A-Za-z0-9_\-]++)*+)"
)
_URL_USER: Final = re.compile(
    r""":(?<=[A-Za-z0-9+.\-]:)\\*+/\\*+/(?!\[REDACTED\]@)([^/?#\s"'<>\\]*)@"""
)

# A pattern is tried only where one of its needles is in the text; both in lower case.
_RULES: Final = (
    (("authorization",), (_AUTHORIZATION,)),
    (("bearer", "basic"), (_BEARER,)),
    (("cookie",), (_COOKIE,)),
    (("key", "pass", "pwd", "secret", "token", "signature"), (_NAMED,)),
    (("=",), (_QUERY, _QUERY_START)),
)
_RULES_AS_WRITTEN: Final = (
    (
        ("k-", "k_", "gw_", "xai-", "hf_", "hp_", "_pat_", "pat-", "xox", "akia", "aiza", "eyj"),
        _KEY,
    ),
    (("@",), _URL_USER),
)
_SECRET_NAME: Final = re.compile(
    r"authorization|cookie|passw|passwd|secret|api[-_.]?key|credential|private[-_.]?key"
    r"|(?:^|[-_.])(?:token|pwd)$",
    re.IGNORECASE,
)
# A piece of a URL: what may be percent-encoded in one go.
_PIECE: Final = re.compile(r"""[^\s"'<>&;?]+""")
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
# A percent sign that was encoded again and again is one in a single step.
_PERCENT_AGAIN: Final = re.compile(r"%(?:25)+(?=[0-9A-Fa-f]{2})")
_DECODINGS: Final = 3
# Whatever stands where a text was cut could go on like this: as a key, and as a URL's user.
_CONTINUED: Final = "000000@"


def redact(text: str) -> str:
    """Return the text with every credential it holds replaced by `[REDACTED]`."""
    text = _redact_plain(text)
    return _PIECE.sub(_redact_encoded, text) if "%" in text else text


def redact_beginning(text: str) -> str:
    """Redact the beginning of a longer text; a credential that was cut in two is hidden as well."""
    redacted = redact(text + _CONTINUED)
    shorter = redacted.removesuffix(_CONTINUED)
    return shorter if len(shorter) < len(redacted) else redacted.removesuffix("@")


def redact_up_to(text: str, longest: int) -> str:
    """Redact a text, of a longer one the first `longest` characters, and say that it was cut."""
    return redact(text) if len(text) <= longest else redact_beginning(text[:longest]) + CUT


def _redact_plain(text: str) -> str:
    spans = sorted(_credentials(text))
    if not spans:
        return text
    parts: list[str] = []
    end = -1
    for start, stop in spans:
        if start > end:
            parts += (text[max(end, 0) : start], MASK)
        end = max(end, stop)
    parts.append(text[end:])
    return "".join(parts)


def _credentials(text: str) -> Iterator[tuple[int, int]]:
    """Where the credentials are, in no order; they may overlap."""
    lowered = _lower(text)
    for needles, patterns in _RULES:
        for needle in needles:
            if needle in lowered:
                for pattern in patterns:
                    yield from (found.span(1) for found in pattern.finditer(lowered))
                break
    for needles, pattern in _RULES_AS_WRITTEN:
        for needle in needles:
            if needle in lowered:
                yield from (found.span(1) for found in pattern.finditer(text))
                break


def _lower(text: str) -> str:
    """The text in lower case, each character where it was."""
    if not text.isascii():
        # The one letter that becomes two, and the one that is an s wherever case is ignored.
        text = text.replace("\u0130", "i").replace("\u017f", "s")
    return text.lower()


def _redact_encoded(found: re.Match[str]) -> str:
    """Hide a piece of a URL whose decoded form holds a credential; its beginning may stay."""
    piece = found[0]
    escape = _ESCAPE.search(piece)
    if escape is None:
        return piece
    decoded = _PERCENT_AGAIN.sub("%", piece)
    for _ in range(_DECODINGS):
        before, decoded = decoded, unquote_plus(decoded)
        if decoded == before:
            break
        if next(_credentials(decoded), None) is not None:
            plain = piece.find("%")
            kept = max(piece.rfind("/", 0, plain), piece.find("=", 0, plain)) + 1
            return piece[:kept] + MASK
    return piece


def names_a_secret(key: str) -> bool:
    """Say whether a value under this key is a credential whatever it looks like."""
    return _SECRET_NAME.search(key) is not None
