"""The SDK's own log lines: on the console, once and then summed up, never exported."""

import logging
import re
import time
from collections.abc import Callable
from typing import Final

from otel.redaction import redact_up_to

# They log what is wrong with a header of a caller's, and the header with it.
_READS_CALLERS: Final = (
    "opentelemetry.attributes",
    "opentelemetry.baggage",
    "opentelemetry.propagators",
    "opentelemetry.trace",
    "opentelemetry.util",
)
_LONGEST: Final = 500
# A line is repeated at most this often; between, repetitions are counted.
_SILENCE: Final = 60.0
_REMEMBERED: Final = 200
_FILLED_IN: Final = re.compile(r"%[a-z]")


class QuietHandler(logging.Handler):
    """Writes each kind of line once a minute, with the number of those left out.

    The kind is where the line was logged, so that a changing text does not defeat it.
    """

    def __init__(
        self, target: logging.Handler, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(logging.WARNING)
        self._target = target
        self._clock = clock
        self._said: dict[tuple[str, int], float] = {}
        self._left_out: dict[tuple[str, int], int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or count it."""
        kind = (record.pathname, record.lineno)
        now = self._clock()
        last = self._said.get(kind)
        if last is not None and now - last < _SILENCE:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return
        if len(self._said) >= _REMEMBERED:
            self._said.clear()
            self._left_out.clear()
        self._said[kind] = now
        self._target.handle(self._shortened(record, self._left_out.pop(kind, 0)))

    def _shortened(self, record: logging.LogRecord, left_out: int) -> logging.LogRecord:
        # A traceback through the SDK helps nobody who runs the application.
        message = _template(record) if record.name.startswith(_READS_CALLERS) else _said(record)
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            message = redact_up_to(f"{message} ({type(error).__name__}: {error})", _LONGEST)
        if left_out:
            message = f"{message} [and {left_out} more like it]"
        return logging.makeLogRecord(
            {
                "name": record.name,
                "levelno": record.levelno,
                "levelname": record.levelname,
                "msg": message,
                "created": record.created,
                "msecs": record.msecs,
            }
        )


def _said(record: logging.LogRecord) -> str:
    return redact_up_to(record.getMessage(), _LONGEST)


def _template(record: logging.LogRecord) -> str:
    """The line without what it was filled in with."""
    return _FILLED_IN.sub("…", str(record.msg)) if record.args else _said(record)


def quieten(target: logging.Handler) -> None:
    """Send what `opentelemetry.*` logs to this handler alone, rate-limited."""
    logger = logging.getLogger("opentelemetry")
    for handler in [handler for handler in logger.handlers if isinstance(handler, QuietHandler)]:
        logger.removeHandler(handler)
    logger.addHandler(QuietHandler(target))
    logger.propagate = False
