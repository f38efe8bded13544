"""Telemetry for LLM applications on OpenTelemetry, from start-up to shutdown."""

from typing import TYPE_CHECKING

from otel.operations import operation

if TYPE_CHECKING:
    from otel.bootstrap.setup import Handle

__all__ = ["operation", "setup"]


def setup(*, service_name: str | None = None) -> "Handle":
    """Set telemetry up from the standard `OTEL_*` variables, for those who prefer a call.

    Does what `opentelemetry-instrument` does, before the application is built. Calling it again,
    or under `opentelemetry-instrument`, changes nothing and returns the same handle, with
    `flush(timeout)` and `shutdown(timeout)` in seconds.
    """
    from otel.bootstrap.start import start

    return start(service_name)
