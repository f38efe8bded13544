"""Writes down what nobody caught: where it happened, and its words only where content may be told.

An exception quotes what it could not work with, which is mostly what a caller sent.
"""

from __future__ import annotations

import logging
import os
import traceback
from typing import cast

from otel.redaction import redact_up_to

logger = logging.getLogger(__name__)

LONGEST = 65_536
_MOST_CAUSES = 16


def log_unexpected(error: BaseException, trace_id: str, *, content: bool) -> None:
    """Write down an error with its traceback, its message only with `content`, and no secret."""
    # Redacted here: not every way to run the service has handlers that do it.
    told = "".join(traceback.format_exception(error)) if content else _without_words(error)
    logger.error("A request failed inside (trace %s)\n%s", trace_id, redact_up_to(told, LONGEST))


def _without_words(error: BaseException) -> str:
    """The traceback as Python writes it, causes first, without the exceptions' own words."""
    told: list[str] = []
    found: BaseException | None = error
    while found is not None and len(told) < _MOST_CAUSES:
        frames = "".join(traceback.format_tb(found.__traceback__))
        told.append(f"Traceback (most recent call last):\n{frames}{_name(found)}\n")
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\nwhich led to:\n\n".join(reversed(told))


def _name(error: BaseException) -> str:
    """The exception's class; of an error of the operating system also what that calls it."""
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    if isinstance(error, OSError) and error.errno:
        return f"{name}: {os.strerror(error.errno)}"
    if isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions[:_MOST_CAUSES]
        return f"{name} of {', '.join(map(_name, inner))}"
    return name
