"""Which loopback port each part of the stack listens on.

Every port has one variable, `GAUGEWAY_<NAME>_PORT`, and one default; `GAUGEWAY_PORT_OFFSET` moves
all defaults at once, so that two stacks run side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Ports:
    """One number for each listening socket of a stack."""

    service: int = 8080
    otlp_grpc: int = 4317
    otlp_http: int = 4318
    prometheus: int = 9090
    grafana: int = 3000
    alertmanager: int = 9093
    loki: int = 3100
    tempo: int = 3200
    redis: int = 6379
    collector_health: int = 13133
    collector_metrics: int = 8888
    tempo_otlp: int = 14318
    tempo_grpc: int = 9095
    loki_grpc: int = 9096

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return ((field.name, getattr(self, field.name)) for field in fields(self))


def port_variable(name: str) -> str:
    """Return the environment variable that sets the port called `name`."""
    return f"GAUGEWAY_{name.upper()}_PORT"
