"""Reads Prometheus exposition text as far as the measurements need it."""

from __future__ import annotations

import re
from collections import defaultdict

from otel import attributes as a
from otel import names

_IN_QUOTES = r'(?:[^"\\]++|\\.)*+'
_SAMPLE = re.compile(
    rf"""^(?P<name>[a-zA-Z_:][\w:]*)(?:\{{(?P<labels>(?:[^"}}]++|"{_IN_QUOTES}")*+)\}})?"""
    r" (?P<value>\S+)(?: .*)?$"
)
_LABEL = re.compile(rf'\b(\w++)="({_IN_QUOTES})"')


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
    """How much telemetry was lost, by signal and reason; what nothing was lost of is left out."""
    lost: defaultdict[str, float] = defaultdict(float)
    for name, labels, value in samples(exposition):
        if name == names.TELEMETRY_DROPPED.prometheus and value:
            signal, reason = labels[_label(a.TELEMETRY_SIGNAL)], labels[_label(a.ERROR_TYPE)]
            lost[f"{signal}: {reason}"] += value
    return dict(lost)


def _label(attribute: str) -> str:
    return attribute.replace(".", "_")
