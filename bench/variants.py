"""The ways to run the service that `bench.request_cpu` sets side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench import bare_proxy
from bench.serving import ROOT, free_port, gunicorn, program, uvicorn

BARE = "bare"
HTTPTOOLS = "bench.plain_httptools:PlainHttpTools"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run the service, or what it is measured against."""

    name: str
    instrumented: bool = True
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    checkout: Path = ROOT
    server: str = "uvicorn"
    """`gunicorn`, or `uvicorn` with `options`."""
    options: tuple[str, ...] = ()
    app: str = "service.app:create_app"

    def command(self, port: int) -> tuple[str, ...]:
        """The command line."""
        if self.server == "gunicorn":
            command = gunicorn(port, workers=1)
        else:
            command = uvicorn(port, app=self.app, checkout=self.checkout) + self.options
        instrument = program("opentelemetry-instrument", self.checkout)
        return (instrument, *command) if self.instrumented else command


def bare(upstream: str) -> Variant:
    """FastAPI and aiohttp, and nothing else; `upstream` is the provider's base URL."""
    return Variant(
        BARE,
        instrumented=False,
        environment={bare_proxy.UPSTREAM: upstream},
        app="bench.bare_proxy:create_app",
    )


def by_telemetry(live: str, checkout: Path = ROOT, prefix: str = "") -> Iterator[Variant]:
    """Telemetry absent, off, on, and on with no Collector; `live` is the URL of one that is."""
    dead = f"http://127.0.0.1:{free_port()}"
    yield Variant(prefix + "uninstrumented", instrumented=False, checkout=checkout)
    for name, environment in (
        ("off", {"OTEL_SDK_DISABLED": "true"}),
        ("on", {"OTEL_EXPORTER_OTLP_ENDPOINT": live}),
        ("on_collector_dead", {"OTEL_EXPORTER_OTLP_ENDPOINT": dead}),
    ):
        yield Variant(prefix + name, environment=environment, checkout=checkout)


def before(live: str, checkout: Path) -> Iterator[Variant]:
    """Without and with telemetry, as another checkout has it, whose environment is set up."""
    for variant in by_telemetry(live, checkout, "before."):
        if variant.name in ("before.uninstrumented", "before.on"):
            yield variant


def by_server(live: str) -> Iterator[Variant]:
    """Other servers and protocols, each without and with telemetry."""
    ways: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("httptools", "uvicorn", ("--http", HTTPTOOLS)),
        ("h11", "uvicorn", ("--http", "h11")),
        ("gunicorn", "gunicorn", ()),
    )
    for name, server, options in ways:
        yield Variant(name, instrumented=False, server=server, options=options)
        on = {"OTEL_EXPORTER_OTLP_ENDPOINT": live}
        yield Variant(f"{name}.on", environment=on, server=server, options=options)
