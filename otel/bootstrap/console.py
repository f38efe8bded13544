"""Log lines on the console: readable in dev, one JSON object elsewhere, never with a credential.

Each value in them is cut to a bearable length before it is redacted, and each line is as well.
"""

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

from opentelemetry import trace

from otel.bootstrap.settings import ConsoleStyle
from otel.redaction import MASK, names_a_secret, redact_up_to

LONGEST_LINE: Final = 262_144
"""Characters; Loki, for one, takes no longer lines."""
LONGEST_PART: Final = 65_536
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",  # uvicorn's copy of the message with escape sequences
}


def extra_fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return what the caller passed as `extra`, credentials hidden by their names."""
    return {
        key: MASK if names_a_secret(key) else value
        for key, value in vars(record).items()
        if key not in _STANDARD and not key.startswith("_")
    }


class HumanFormatter(logging.Formatter):
    """`12:34:56.789 INFO    service.app  message  key=value  trace=…`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as a line, followed by its traceback if it has one."""
        time = datetime.fromtimestamp(record.created, tz=UTC).astimezone()
        parts = [
            f"{time:%H:%M:%S}.{int(record.msecs):03d} {record.levelname:<7} {record.name}",
            _part(record.getMessage()),
        ]
        # Of a field the value alone: `status_code=` in front would pass for a query's `code=`.
        parts += [f"{key}={_part(str(value))}" for key, value in extra_fields(record).items()]
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            parts.append(f"trace={context.trace_id:032x}")
        line = "  ".join(parts)
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact_up_to(line, LONGEST_LINE)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, trace_id, span_id, extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as one line of JSON; a traceback is the field `exception`."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, tz=UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": _part(record.getMessage()),
        }
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            fields["trace_id"] = format(context.trace_id, "032x")
            fields["span_id"] = format(context.span_id, "016x")
        for key, value in extra_fields(record).items():
            fields.setdefault(key, _part(value) if isinstance(value, str) else value)
        if record.exc_info:
            fields["exception"] = _part(self.formatException(record.exc_info))
        return redact_up_to(json.dumps(fields, default=str, ensure_ascii=False), LONGEST_LINE)


def _part(text: str) -> str:
    return redact_up_to(text, LONGEST_PART)


def formatter(style: ConsoleStyle) -> logging.Formatter:
    """Return the formatter of a style."""
    return JsonFormatter() if style == "json" else HumanFormatter()


def redact_all_handlers() -> None:
    """Have every handler of `logging` write redacted lines, whoever set it up.

    All of them format through `Handler.format`, those of uvicorn and of the application too.
    """
    original = logging.Handler.format
    if getattr(original, "_redacts", False):
        return

    def format_redacted(self: logging.Handler, record: logging.LogRecord) -> str:
        line = original(self, record)
        ours = isinstance(self.formatter, (HumanFormatter, JsonFormatter))
        return line if ours else redact_up_to(line, LONGEST_LINE)

    format_redacted._redacts = True  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
    logging.Handler.format = format_redacted


def redact_tracebacks() -> None:
    """Have uncaught exceptions of the main thread and of other threads printed redacted."""
    if not getattr(sys.excepthook, "_redacts", False):
        sys.excepthook = _print_exception
    if not getattr(threading.excepthook, "_redacts", False):
        threading.excepthook = _print_thread_exception


def _print_exception(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    from traceback import format_exception

    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    text = "".join(format_exception(kind, error, traceback))
    sys.stderr.write(redact_up_to(text, LONGEST_LINE))


def _print_thread_exception(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is None or issubclass(arguments.exc_type, SystemExit):
        return
    name = arguments.thread.name if arguments.thread else "unknown"
    sys.stderr.write(f"Exception in thread {name}:\n")
    _print_exception(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
