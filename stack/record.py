"""What is running, written down at start so that every later command finds the same stack.

`status`, `logs`, `demo` and `down` work from any shell that knows GAUGEWAY_HOME: environment and
ports are those of the running stack, not of the shell's variables.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

from stack.home import Home, write_private
from stack.ports import Ports
from stack.settings import Environment, Settings

Engine = Literal["native", "docker"]


@dataclass(frozen=True, slots=True)
class Record:
    """A running stack: what was chosen for it, and its manager's process id.

    The Redis address may carry a password; the file is its owner's alone.
    """

    environment: Environment
    ports: Ports
    supervisor: int
    redis_url: str | None = field(default=None, repr=False)
    grafana_home: Path | None = None
    engine: Engine = "native"


def write_record(home: Home, record: Record) -> None:
    """Write the record of a stack that has been started."""
    facts = {
        "environment": record.environment,
        "ports": asdict(record.ports),
        "engine": record.engine,
        "supervisor": record.supervisor,
        "redis_url": record.redis_url,
        "grafana_home": str(record.grafana_home) if record.grafana_home else None,
    }
    write_private(home.record, json.dumps(facts, indent=1) + "\n")


def read_record(home: Home) -> Record | None:
    """Return the record, or None where there is none that can be read."""
    try:
        facts = cast("dict[str, Any]", json.loads(home.record.read_text()))
        environment = facts["environment"]
        if environment not in get_args(Environment):
            return None
        grafana = facts.get("grafana_home")
        return Record(
            environment=environment,
            ports=Ports(**facts["ports"]),
            supervisor=int(facts["supervisor"]),
            redis_url=facts.get("redis_url"),
            grafana_home=Path(grafana) if grafana else None,
            engine="docker" if facts.get("engine") == "docker" else "native",
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def as_running(settings: Settings) -> Settings:
    """Return `settings` as the stack on record was started with, or as they are if none is."""
    record = read_record(settings.home)
    if record is None:
        return settings
    return replace(
        settings,
        environment=record.environment,
        ports=record.ports,
        redis_url=record.redis_url,
        grafana_home=record.grafana_home,
    )
