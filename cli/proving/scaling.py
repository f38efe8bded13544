"""Copies of rules that are the declared ones but for how long things take."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from grafana.dashboards.variable_values import seconds_of

Json = dict[str, Any]
Duration = Callable[[str], str]
# What a window or a shift is written as in PromQL and LogQL: [5m], [1h:5m], offset 1h.
_DURATION = re.compile(
    r"(?<=\[)\d+[smhdw](?=[\]:])|(?<=:)\d+[smhdw](?=\])|(?<=offset )\d+[smhdw]\b"
)
REMOVED = "…"


def divided(by: int) -> Duration:
    """Return what makes a duration shorter by a factor: whole seconds, at least one; 0s stays."""

    def shorter(duration: str) -> str:
        return f"{math.ceil(seconds_of(duration) / by)}s"

    return shorter


def scaled(rules: Json, by: int) -> Json:
    """Return rules of which every `interval`, `for`, window and shift is `by` times shorter."""
    shorter = divided(by)
    return _with_durations(rules, shorter, shorter)


def often_evaluated(rules: Json, every: str) -> Json:
    """Return rules that differ in their groups' `interval` alone."""
    return _with_durations(rules, lambda duration: duration, lambda _: every)


def without_durations(rules: Json) -> Json:
    """Return what stays of rules when everything that scaling may change is taken out."""
    return _with_durations(rules, lambda _: REMOVED, lambda _: REMOVED)


def _with_durations(rules: Json, changed: Duration, interval: Duration) -> Json:
    return {
        **rules,
        "groups": [
            {
                **group,
                **({"interval": interval(group["interval"])} if "interval" in group else {}),
                "rules": [_rule(rule, changed) for rule in group["rules"]],
            }
            for group in rules["groups"]
        ],
    }


def _rule(rule: Json, changed: Duration) -> Json:
    lasting = {"for": changed(rule["for"])} if "for" in rule else {}
    return {**rule, "expr": _DURATION.sub(lambda found: changed(found[0]), rule["expr"]), **lasting}
