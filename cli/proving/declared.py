"""What the proof's stacks serve and allow: targets and budgets that every panel has data of."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from service.targets import DEFAULT_PATH

SCARCE_MODEL: Final = "proof-scarce"
UNPRICED_MODEL: Final = "proof-unpriced"
DEAR_MODEL: Final = "proof-dear"
CHEAP_MODEL: Final = "proof-cheap"
# The requests that a month may have of each, and no action but warnings.
COUNTED_MODELS: Final = {"proof-eighty": 100, "proof-ninety-five": 100, "proof-exceeded": 10}
BUDGETS: Final[dict[str, Any]] = {
    "budgets": [
        {"name": "everything-daily", "window": "day", "limit": {"usd": "1000000"}},
        {"name": "everything-monthly", "window": "month", "limit": {"usd": "1000000"}},
        {
            "name": "scarce-monthly",
            "scope": "model",
            "value": SCARCE_MODEL,
            "window": "month",
            "limit": {"requests": 2},
            "actions": [{"at": 50, "do": "warn"}, {"at": 100, "do": "refuse"}],
        },
        *(
            {
                "name": f"{model}-monthly",
                "scope": "model",
                "value": model,
                "window": "month",
                "limit": {"requests": requests},
            }
            for model, requests in COUNTED_MODELS.items()
        ),
    ]
}


def write_targets(file: Path) -> Path:
    """Write the shipped targets beside one whose models are scarce, dear and without a price."""
    shipped: dict[str, Any] = yaml.safe_load(DEFAULT_PATH.read_text())
    shipped["targets"]["proof"] = {
        "provider": "simulated",
        "retries": {"attempts": 2, "base_delay": 0.05},
        "models": {
            **{
                # Cheap, so that a burst of them is no fault of another kind: too high a cost.
                model: {"model": "simulated", "prices": {"input": "0.004", "output": "0.016"}}
                for model in (CHEAP_MODEL, SCARCE_MODEL, *COUNTED_MODELS)
            },
            DEAR_MODEL: {"model": "simulated", "prices": {"input": "20000", "output": "20000"}},
            UNPRICED_MODEL: {"model": "nobody-prices-this"},
        },
    }
    file.write_text(yaml.safe_dump(shipped))
    return file


def write_budgets(file: Path) -> Path:
    """Write the budgets; written again they are read again."""
    file.write_text(yaml.safe_dump(BUDGETS))
    return file
