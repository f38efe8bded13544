"""The Collector's files as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import yaml

COLLECTOR = Path(__file__).parents[2] / "collector"
ENVIRONMENTS = ("dev", "staging", "prod")
KINDS = ("receivers", "processors", "exporters", "connectors", "extensions")

Config = dict[str, Any]


def load(name: str) -> Config:
    """Read one configuration file of `collector/`."""
    return cast("Config", yaml.safe_load((COLLECTOR / f"{name}.yaml").read_text()))


def component_type(identifier: str) -> str:
    """`otlp_http/tempo` is of the type `otlp_http`."""
    return identifier.partition("/")[0]


def defined(config: Config, kind: str) -> Config:
    """Return what a file configures of one kind."""
    return cast("Config", config.get(kind) or {})


def pipelines(config: Config) -> dict[str, dict[str, list[str]]]:
    """Return a file's pipelines by name."""
    service = cast("Config", config.get("service") or {})
    return cast("dict[str, dict[str, list[str]]]", service.get("pipelines") or {})
