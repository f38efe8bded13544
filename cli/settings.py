"""What the command's views are told by the environment: where figures turn yellow and red."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from stack.settings import SettingsError

Level = Literal["green", "yellow", "red"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which value on a figure is yellow, and from which it is red."""

    yellow: float
    red: float

    def level(self, value: float | None) -> Level | None:
        """The colour of a value; None where there is no value."""
        if value is None:
            return None
        if value >= self.red:
            return "red"
        return "yellow" if value >= self.yellow else "green"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds of `gaugeway top`; each field is the variable `GAUGEWAY_TOP_<FIELD>`."""

    errors_percent: Threshold = field(default=Threshold(1, 5))
    """Failed requests of today, of the last minute too."""
    p95_ms: Threshold = field(default=Threshold(10_000, 30_000))
    """The 95th percentile of this hour's latency."""
    slower_percent: Threshold = field(default=Threshold(25, 100))
    """How much slower this hour is than the one before it."""
    budget_percent: Threshold = field(default=Threshold(80, 95))
    """What is used of a budget."""


def thresholds(environ: Mapping[str, str]) -> Thresholds:
    """Read the thresholds; raises `SettingsError`, which names the variable that is wrong."""
    found: dict[str, Threshold] = {}
    for one in fields(Thresholds):
        variable = f"GAUGEWAY_TOP_{one.name.upper()}"
        if text := environ.get(variable):
            found[one.name] = _threshold(variable, text)
    return Thresholds(**found)


def _threshold(variable: str, text: str) -> Threshold:
    try:
        yellow, red = (float(part) for part in text.split(","))
    except ValueError:
        yellow = red = math.nan
    if not 0 <= yellow <= red < math.inf:
        raise SettingsError(
            f"{variable} has to be two numbers, from which on it is yellow and from which on red, "
            "such as 80,95."
        )
    return Threshold(yellow, red)
