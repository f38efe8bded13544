"""Standard logging on its two roads: the console, and OTLP through the contrib handler."""

import logging
import logging.config
import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

from opentelemetry.instrumentation import logging as contrib
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from otel.bootstrap import access_lines, console
from otel.bootstrap.quiet import quieten
from otel.bootstrap.settings import BootstrapSettings

# The handler's module has no types.
_EXPORTING: Final = "opentelemetry.instrumentation.logging.handler"
Function = TypeVar("Function", bound=Callable[..., Any])
# A line a request says what the server span says already.
_ACCESS_LOGS: Final = ("uvicorn.access", "hypercorn.access", "gunicorn.access")


class ConsoleHandler(logging.StreamHandler[Any]):
    """Ours on the root logger, told apart from those of the application."""


class ExportFilter(logging.Filter):
    """Keeps out of OTLP what sending OTLP logs, and access lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record is exported."""
        # uvicorn's copy of the message with escape sequences would become an attribute.
        vars(record).pop("color_message", None)
        return is_instrumentation_enabled() and record.name not in _ACCESS_LOGS


def set_up_console(settings: BootstrapSettings) -> None:
    """Give an application that has not set up logging readable lines, and hide credentials in all.

    Where the root logger has handlers already, they stay as they are. Access lines say what callers
    wrote only where content is captured.
    """
    console.redact_all_handlers()
    console.redact_tracebacks()
    if not settings.capture.on_event:
        access_lines.hide_callers_text()
    handler = ConsoleHandler(sys.stderr)
    handler.setFormatter(console.formatter(settings.console))
    quieten(handler)
    if settings.console == "off":
        return
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(handler)
        root.setLevel(logging.getLevelNamesMapping().get(settings.log_level, logging.INFO))
    _yield_to_application(handler, settings)


def export_logs() -> None:
    """Attach contrib's handler to the root logger, behind our filter."""
    contrib.LoggingInstrumentor().instrument(skip_dep_check=True)
    for handler in logging.getLogger().handlers:
        if _exports(handler):
            handler.addFilter(ExportFilter())


def _yield_to_application(handler: ConsoleHandler, settings: BootstrapSettings) -> None:
    """Step aside when the application sets up logging, and take in uvicorn's loggers."""

    def wrap(configure: Function) -> Function:
        def configured(*args: Any, **kwargs: Any) -> Any:
            root = logging.getLogger()
            ours = handler in root.handlers
            if ours:
                root.removeHandler(handler)
            try:
                return configure(*args, **kwargs)
            finally:
                if ours and not _has_console(root):
                    root.addHandler(handler)
                if handler in root.handlers:
                    _adopt_uvicorn(settings)

        return configured  # pyright: ignore[reportReturnType]  # the same signature

    logging.basicConfig = wrap(logging.basicConfig)
    logging.config.dictConfig = wrap(logging.config.dictConfig)
    logging.config.fileConfig = wrap(logging.config.fileConfig)


def _has_console(root: logging.Logger) -> bool:
    return any(not _exports(handler) for handler in root.handlers)


def _exports(handler: logging.Handler) -> bool:
    return type(handler).__module__ == _EXPORTING


def _adopt_uvicorn(settings: BootstrapSettings) -> None:
    # uvicorn gives its loggers handlers of their own and keeps their records from the root logger,
    # and with that from OTLP and from JSON lines.
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    access = logging.getLogger("uvicorn.access")
    for handler in access.handlers:
        if settings.console == "json":
            handler.setFormatter(console.JsonFormatter())
