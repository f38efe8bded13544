"""What the stack knows of one of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from stack.probes import Probe

Origin = Literal["managed", "external", "absent"]

# The order in which parts are shown everywhere.
NAMES = (
    "service",
    "redis",
    "collector",
    "prometheus",
    "loki",
    "tempo",
    "alertmanager",
    "grafana",
)


@dataclass(frozen=True, slots=True)
class Process:
    """How one part is run.

    `after` names the parts that start before it and stop after it. `private_environment` may hold
    secrets: it goes to a file readable by its owner alone, never into the manager's configuration.
    `ports` maps the names of `stack.ports.Ports` to nothing but themselves: what it listens on.
    """

    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    private_environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    after: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    stop_seconds: int = 10


@dataclass(frozen=True, slots=True)
class Component:
    """One part: run by the stack (`managed`), by somebody else (`external`), or not there.

    `url` is what a person or a program connects to, without credentials; empty when absent.
    `hint` says what to do about an absent part.
    """

    name: str
    origin: Origin
    url: str = ""
    probe: Probe | None = None
    process: Process | None = None
    hint: str = ""
