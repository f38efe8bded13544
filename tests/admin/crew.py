"""A service of several uvicorn workers with one home and one Redis."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.serving import free_port, serving, uvicorn

WORKERS = 3


@dataclass(frozen=True, slots=True)
class Crew:
    """Where it answers, and its home."""

    port: int
    home: Path


@contextmanager
def crew_of(
    home: Path, redis_url: str, *, workers: int = WORKERS, **environment: str
) -> Generator[Crew]:
    """The service until the block ends; `environment` is added to its own."""
    port = free_port()
    variables = {
        "REDIS_URL": redis_url,
        "OTEL_SDK_DISABLED": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        **environment,
    }
    with serving(uvicorn(port, workers=workers), port=port, home=home, environment=variables):
        yield Crew(port, home)
