"""What a failure of Redis says: that this one call was wrong, or that this server cannot be used.

Known by class and code, never by the words of a message: redis-py takes the code out of the message
of some errors and leaves it in that of others, servers before 7 hide the code of what failed inside
a script behind `ERR`, and a message may quote what was sent. What is not known is the server's, as
a proxy in front of it answers with errors of its own.
"""

from __future__ import annotations

import re

from redis.exceptions import DataError, MaxConnectionsError, NoScriptError, ResponseError

_UNNAMED = "ERR"
_OF_CALLS = frozenset({"WRONGTYPE", "NOSCRIPT", "EXECABORT", "BUSYKEY"})
"""Codes that a call deserves from whichever server."""
_OF_MASTERS = frozenset({"READONLY", "NOREPLICAS", "MISCONF", "OOM"})
"""Codes of a server that takes no writes now and answers what only reads."""
_IN_SCRIPTS = re.compile(
    r"\b(READONLY|NOREPLICAS|MISCONF|OOM|MASTERDOWN|LOADING|BUSY|CLUSTERDOWN|TRYAGAIN|MOVED|ASK"
    r"|NOPERM|UNBLOCKED)\b"
)
_SCRIPT = "user_script"
# Servers tell it without a code inside a script, in the words of 6.2 or of 7.
_NOT_ALLOWED = re.compile(r"user executing the script can't|ACL failure in script")
# Of a value that is not what the command is for: there is no code for it.
_OF_VALUES = re.compile(
    r"not an integer|not a valid float|out of range|would overflow|syntax error"
    r"|wrong number of arguments|no such key",
    re.IGNORECASE,
)
_QUOTED = "of pipeline caused error: "
"""What redis-py puts in front of it holds a command, and so what callers sent."""


def reply_code(error: BaseException) -> str:
    """The code of an error's reply, that of what failed inside a script; `ERR` where it has none.

    The name of its class where it is no reply.
    """
    if not isinstance(error, ResponseError):
        return type(error).__name__
    known = error.status_code
    if known is not None and known != _UNNAMED:
        return known
    message = _message(error)
    if _SCRIPT in message and (inside := _IN_SCRIPTS.search(message)):
        return inside[1]
    if _NOT_ALLOWED.search(message):
        return "NOPERM"
    first = message.partition(" ")[0].lstrip("-")
    return first if first.isascii() and first.isalpha() and first.isupper() else _UNNAMED


def concerns_server(error: BaseException) -> bool:
    """Whether the server, or what is in its place, cannot be used; else this call alone failed."""
    if not isinstance(error, ResponseError):
        # What cannot be sent, and more calls under way than our own bound.
        return not isinstance(error, DataError | MaxConnectionsError)
    if isinstance(error, NoScriptError):
        return False
    code = reply_code(error)
    if code != _UNNAMED:
        return code not in _OF_CALLS
    message = _message(error)
    return _SCRIPT not in message and not _OF_VALUES.search(message)


def still_reads(error: BaseException) -> bool:
    """Whether the server that refused a write goes on answering what only reads."""
    return reply_code(error) in _OF_MASTERS


def _message(error: ResponseError) -> str:
    return str(error).rpartition(_QUOTED)[2].lstrip("(\"'")
