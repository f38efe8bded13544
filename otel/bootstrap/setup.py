"""Sets telemetry up once a process, in the order that keeps credentials in and the app alive."""

import logging
import os
import threading
import time
from importlib.metadata import EntryPoint
from typing import Any, Final, cast

import psutil
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor

from otel.bootstrap import asgi, fastapi, logs, pipeline
from otel.bootstrap.hooks import when_imported
from otel.bootstrap.lifecycle import on_exit
from otel.bootstrap.prometheus import ProcessExposition
from otel.bootstrap.redis import RedisMetrics
from otel.bootstrap.resource import resource
from otel.bootstrap.scrape_server import serve
from otel.bootstrap.settings import BootstrapSettings, apply_defaults
from otel.bootstrap.workers import Workers
from otel.exposition import render
from otel.instruments import shared_instruments

_logger = logging.getLogger("opentelemetry.gaugeway.setup")

# The process and the interpreter; the host is the Collector's to watch.
RUNTIME_METRICS: Final[dict[str, list[str] | None]] = {
    "process.cpu.time": ["user", "system"],
    "process.cpu.utilization": ["user", "system"],
    "process.memory.usage": None,
    "process.memory.virtual": None,
    "process.open_file_descriptor.count": None,
    "process.thread.count": None,
    "process.context_switches": ["involuntary", "voluntary"],
    "cpython.gc.collections": None,
    "cpython.gc.collected_objects": None,
    "cpython.gc.uncollectable_objects": None,
}
# What start-up does itself, in a way that needs no instrumentor.
_DONE_HERE: Final = frozenset({"logging"})


class Handle:
    """What `setup` returns: flushes and ends telemetry, each within a bound."""

    def __init__(self, parts: "pipeline.Pipeline | None", timeout: float) -> None:
        self.pipeline = parts
        self.workers: Workers | None = None
        self._timeout = timeout
        self._ending: float | None = None

    def flush(self, timeout: float | None = None) -> bool:
        """Send what was recorded so far; say whether all was tried in time (seconds)."""
        if self.pipeline is None:
            return True
        return self.pipeline.flush(self._timeout if timeout is None else timeout)

    def shutdown(self, timeout: float | None = None) -> bool:
        """Send what is left and end; say whether all was sent in time (seconds)."""
        if self.pipeline is None:
            return True
        if self.workers is not None:
            self.workers.close()
        return self.pipeline.shutdown(self._left(self._timeout if timeout is None else timeout))

    def flush_at_end(self) -> None:
        """Flush when an application has ended; counts against the same bound as `shutdown`."""
        self.flush(self._left(self._timeout) / 2)

    def _left(self, timeout: float) -> float:
        now = time.monotonic()
        if self._ending is None or now - self._ending > timeout:
            self._ending = now
        return max(0.1, timeout - (now - self._ending))


class _State:
    """The one set-up of the process."""

    lock = threading.Lock()
    handle: Handle | None = None
    settings: BootstrapSettings | None = None


def configure(version: str | None = None) -> Handle:
    """Install the providers, logging and the hooks, once; a failure leaves the app running.

    Where the SDK is disabled nothing is installed.
    """
    with _State.lock:
        if _State.handle is not None:
            return _State.handle
        apply_defaults()
        settings = _State.settings = BootstrapSettings.read()
        if settings.disabled:
            _State.handle = Handle(None, settings.shutdown_timeout)
            return _State.handle
        try:
            _State.handle = _install(settings, version)
        except Exception:  # whatever is wrong with telemetry, the app must start
            _logger.exception("Telemetry is off: setting it up failed")
            _State.handle = Handle(None, settings.shutdown_timeout)
        return _State.handle


def current() -> Handle | None:
    """Return the process's handle, if telemetry was set up."""
    return _State.handle


def started() -> bool:
    """Say whether telemetry was set up, or tried to be."""
    return _State.handle is not None


def active() -> bool:
    """Say whether telemetry was set up and works."""
    return _State.handle is not None and _State.handle.pipeline is not None


def _install(settings: BootstrapSettings, version: str | None) -> Handle:
    logs.set_up_console(settings)
    parts = pipeline.build(settings, resource(settings, version))
    pipeline.install(parts)
    handle = Handle(parts, settings.shutdown_timeout)
    if settings.logs:
        logs.export_logs()
    if parts.readers:
        exposition = ProcessExposition(parts.meter_provider, parts.readers[0])
        handle.workers = Workers(settings.runtime_directory, settings.group, exposition.render)
        if settings.prometheus_port is not None:
            serve(render, settings.prometheus_host, settings.prometheus_port)
    handled = on_exit(handle.shutdown, settings.shutdown_timeout)
    asgi.watch_lifespans(
        lambda: shared_instruments().event_loop_lag, None if handled else handle.flush_at_end
    )
    if fastapi.watches_itself():
        if settings.fastapi == "native":
            fastapi.set_defaults(settings.excluded_urls)
        else:
            fastapi.leave_to_contrib()
    redis_metrics = RedisMetrics(shared_instruments)
    redis_metrics.install()
    shared_instruments().observe_db_connections(redis_metrics.connections)
    return handle


def load_instrumentor(entry_point: EntryPoint, **kwargs: Any) -> None:
    """Activate one instrumentation with our options, or leave it out."""
    settings = _State.settings or BootstrapSettings.read()
    if not active() or entry_point.name in _DONE_HERE:
        return
    if entry_point.name == "fastapi":
        if fastapi.watches_itself() and settings.fastapi == "native":
            return
        kwargs |= {"excluded_urls": settings.excluded_urls, "exclude_spans": ["receive", "send"]}
    if entry_point.name == "system_metrics":
        _watch_process(**kwargs)
        return
    if entry_point.name == "redis":
        # Importing redis-py takes half a second, which a process that does not use it can save.
        when_imported("redis", lambda _: entry_point.load()().instrument(**kwargs))
        return
    entry_point.load()().instrument(**kwargs)


def _watch_process(**kwargs: Any) -> None:
    instrumentor = SystemMetricsInstrumentor(config=RUNTIME_METRICS)
    instrumentor.instrument(**kwargs)

    def watch_child() -> None:
        # The instrumentor holds on to the process it was made in.
        cast(Any, instrumentor)._proc = psutil.Process()

    os.register_at_fork(after_in_child=watch_child)
