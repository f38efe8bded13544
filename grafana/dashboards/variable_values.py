"""What Grafana puts in the place of variables before it asks a backend.

Whoever asks a dashboard's queries without Grafana needs it: the proof and the measurements.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

# Two points of a series are no further apart: the data source's GAUGEWAY_METRIC_INTERVAL.
SCRAPE_SECONDS: Final = 15
# About as many as the widest graph has pixels.
MOST_POINTS: Final = 1000
# Prometheus refuses more points than this.
_ALLOWED_POINTS: Final = 11_000
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# Up to so many seconds between two points, Grafana takes the step beside it.
_STEPS: Final = (
    *((1.5, 1), (3.5, 2), (7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30), (90, 60)),
    *((210, 120), (450, 300), (750, 600), (1050, 900), (1500, 1200), (2700, 1800), (5400, 3600)),
    *((9000, 7200), (16_200, 10_800), (32_400, 21_600), (86_400, 43_200), (604_800, 86_400)),
)
_LONGEST_STEP: Final = 604_800


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
    if not (found := re.fullmatch(r"\b(\d++)([smhdw])", duration)):
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


def step_of(shown: TimeRange, least: str = "", *, points: int = MOST_POINTS) -> int:
    """Return the seconds between two of a graph's `points`, rounded as Grafana rounds them.

    `least` is the panel's own interval, where it has one.
    """
    wanted = shown.seconds / points
    rounded = next((step for limit, step in _STEPS if wanted < limit), _LONGEST_STEP)
    allowed = -(-shown.seconds // _ALLOWED_POINTS)
    return max(rounded, seconds_of(least) if least else SCRAPE_SECONDS, allowed)


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
