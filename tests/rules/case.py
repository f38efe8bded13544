"""What a unit test of an alert says: series in, and when which alert fires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

WORKER = {
    "deployment_environment_name": "dev",
    "service_name": "gaugeway",
    "service_instance_id": "worker-1",
    "job": "gaugeway",
    "instance": "worker-1",
}
COLLECTOR = {
    "deployment_environment_name": "dev",
    "service_name": "infrastructure",
    "service_instance_id": "collector",
    "job": "infrastructure",
    "instance": "collector",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One run of promtool over series that begin at 0 s, a value each `step`.

    The alert does not fire at any time of `silent`, and at `fires` it fires once, with `labels`
    beside its own and with these texts. `description` is left out where it is no template.
    """

    alert: str
    says: str
    series: Mapping[str, str]
    silent: tuple[str, ...] = ()
    fires: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    summary: str = ""
    description: str = ""
    step: str = "15s"


def pushed(name: str, values: str, **labels: str) -> dict[str, str]:
    """A series as a worker of the service sends it."""
    return {_series(name, {**WORKER, **labels}): values}


def collected(name: str, values: str, **labels: str) -> dict[str, str]:
    """A series as the Collector's receivers measure it from outside."""
    return {_series(name, {**COLLECTOR, **labels}): values}


def scraped(name: str, values: str, *, job: str, **labels: str) -> dict[str, str]:
    """A series as Prometheus fetches it from a component."""
    return {_series(name, {"job": job, "instance": f"{job}:1", **labels}): values}


def histogram(name: str, between: tuple[str, str], steps: int, **labels: str) -> dict[str, str]:
    """One observation a step, all of them between two neighbouring bounds."""
    below, above = between
    counted = f"0+1x{steps}"
    return {
        **pushed(f"{name}_bucket", f"0x{steps}", le=below, **labels),
        **pushed(f"{name}_bucket", counted, le=above, **labels),
        **pushed(f"{name}_bucket", counted, le="+Inf", **labels),
        **pushed(f"{name}_count", counted, **labels),
    }


def _series(name: str, labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inside}}}"
