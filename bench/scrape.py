"""Reads Prometheus exposition text as far as the measurements need it."""

from __future__ import annotations

import re
from collections import defaultdict

_SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*?)\})? (?P<value>\S+)(?: .*)?$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

DROPS = re.compile(r"^otel_sdk_(processor|exporter)_\w+_(processed|exported)_total$")
"""Counters of the SDK on itself; a point with `error_type` counts what was lost."""


def samples(exposition: bytes) -> list[tuple[str, dict[str, str], float]]:
    """Every sample: name, labels, value."""
    found: list[tuple[str, dict[str, str], float]] = []
    for line in exposition.decode().splitlines():
        if line.startswith("#") or not (match := _SAMPLE.match(line)):
            continue
        labels = dict(_LABEL.findall(match["labels"] or ""))
        found.append((match["name"], labels, float(match["value"])))
    return found


def dropped(exposition: bytes) -> dict[str, float]:
    """What the SDK says it lost, by counter and reason."""
    lost: defaultdict[str, float] = defaultdict(float)
    for name, labels, value in samples(exposition):
        if DROPS.match(name) and (reason := labels.get("error_type")) and value:
            lost[f"{name}:{reason}"] += value
    return dict(lost)
