"""The entry points through which `opentelemetry-instrument` finds us."""

from importlib.metadata import EntryPoint
from typing import Any

from opentelemetry.instrumentation.distro import BaseDistro

from otel.bootstrap import setup
from otel.bootstrap.settings import apply_defaults


class GaugewayDistro(BaseDistro):
    """Sets our defaults for the standard variables and our options for the instrumentations."""

    def _configure(self, **kwargs: Any) -> None:
        apply_defaults()

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Activate one instrumentation, or leave it out."""
        setup.load_instrumentor(entry_point, **kwargs)


class GaugewayConfigurator:
    """Installs the providers."""

    def configure(self, **kwargs: Any) -> None:
        """Set telemetry up; never raises."""
        setup.configure(kwargs.get("auto_instrumentation_version"))
