"""What Grafana puts in the place of variables before it asks a backend."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

SCRAPE_SECONDS = 15
_MOST_POINTS = 1000
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# The steps that Grafana rounds to, in seconds.
_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From when until when a panel shows; Unix seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> int:
        """Return its length, at least a second."""
        return max(1, round(self.end - self.start))


def seconds_of(duration: str) -> int:
    """Return the seconds of a duration such as 15s or 30d; raises `ValueError`."""
    if not (found := re.fullmatch(r"(\d+)([smhdw])", duration)):
        raise ValueError(f"{duration!r} is no duration")
    return int(found[1]) * _UNITS[found[2]]


def time_range(now: float, chosen: str) -> TimeRange:
    """Return the range that ends now and begins at `chosen`: now-1h, 30d, now/d or now/M.

    Days and months begin in UTC. Raises `ValueError`.
    """
    if chosen in {"now/d", "now/M"}:
        began = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return TimeRange((began.replace(day=1) if chosen == "now/M" else began).timestamp(), now)
    return TimeRange(now - seconds_of(chosen.removeprefix("now-")), now)


def step_of(shown: TimeRange, least: str = "") -> int:
    """Return the seconds between two points of a graph; `least` is the panel's own interval."""
    needed = shown.seconds / _MOST_POINTS
    nice = next((step for step in _STEPS if step >= needed), 86_400)
    return max(nice, seconds_of(least) if least else SCRAPE_SECONDS)


def filled(expression: str, shown: TimeRange, step: int, variables: Mapping[str, str]) -> str:
    """Return the expression with Grafana's own variables and the dashboard's filled in.

    Raises `ValueError` where one stays that nobody fills.
    """
    values = {
        "__range_s": str(shown.seconds),
        "__range_ms": str(shown.seconds * 1000),
        "__range": f"{shown.seconds}s",
        "__interval": f"{step}s",
        "__rate_interval": f"{max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)}s",
        "__from": str(int(shown.start * 1000)),
        "__to": str(int(shown.end * 1000)),
        **variables,
    }

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in values:
            raise ValueError(f"nobody fills ${name}")
        return values[name]

    return re.sub(r"\$(?:\{(\w+)(?::\w+)?\}|([A-Za-z_]\w*))", value, expression)
