"""The targets file of the stack: the shipped one, with models of every scenario's own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from service.targets import DEFAULT_PATH
from tests.e2e.matrix import PRICES, Scenario


def write_targets(path: Path, scenarios: Iterable[Scenario]) -> Path:
    """Write the file that serves every scenario's model by its own targets, beside the shipped."""
    shipped: dict[str, Any] = yaml.safe_load(DEFAULT_PATH.read_text())
    targets: dict[str, Any] = shipped["targets"]
    models: dict[str, list[str]] = shipped["models"]
    for scenario in scenarios:
        models[scenario.model] = [scenario.target(role) for role in scenario.targets]
        for role, entry in scenario.targets.items():
            targets[scenario.target(role)] = {
                "retries": {"attempts": 3, "base_delay": 0.05, "max_delay": 0.5},
                **entry,
                "models": {scenario.model: {"operation": scenario.operation, "prices": PRICES}},
            }
    path.write_text(yaml.safe_dump({"targets": targets, "models": models}))
    return path
