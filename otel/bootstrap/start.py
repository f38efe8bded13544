"""Starts everything by a call: the providers, then the instrumentations."""

import logging
from importlib.metadata import entry_points

from opentelemetry.instrumentation.dependencies import DependencyConflictError

from otel.bootstrap import setup
from otel.bootstrap.settings import left_out, name_service

_logger = logging.getLogger("opentelemetry.gaugeway.start")


def start(service_name: str | None = None) -> setup.Handle:
    """Set telemetry up unless that was done; return its handle."""
    if setup.started():
        return setup.configure()
    if service_name is not None:
        name_service(service_name)
    handle = setup.configure()
    if setup.active():
        _instrument()
    return handle


def _instrument() -> None:
    unwanted = left_out()
    if "*" in unwanted:
        return
    for entry_point in entry_points(group="opentelemetry_instrumentor"):
        if entry_point.name in unwanted:
            continue
        try:
            setup.load_instrumentor(entry_point, raise_exception_on_conflict=True)
        except (DependencyConflictError, ImportError):
            continue  # what it would instrument is not installed
        except Exception:  # an instrumentation that fails must not stop the application
            _logger.exception("Instrumenting %s failed", entry_point.name)
