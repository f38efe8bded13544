"""Scaled rules are the declared ones, but for how long things take."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.proving.scaling import REMOVED, often_evaluated, scaled, without_durations

BACKENDS = Path(__file__).parents[2] / "backends"
RULES = sorted((*BACKENDS.glob("alerts/*/*.yaml"), *BACKENDS.glob("rules/*.yaml")))


def rules(expression: str, lasting: str = "5m") -> dict[str, Any]:
    return {
        "groups": [
            {
                "name": "g",
                "interval": "15s",
                "rules": [
                    {"alert": "A", "expr": expression, "for": lasting, "labels": {"a": "5m"}}
                ],
            }
        ]
    }


def test_there_are_rules_of_every_kind() -> None:
    assert [file.parent.name for file in RULES] == ["loki", "prometheus", "rules", "rules"]


@pytest.mark.parametrize("file", RULES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_nothing_but_durations_differs(file: Path) -> None:
    declared = yaml.safe_load(file.read_text())
    copied = scaled(declared, 60)
    assert copied != declared
    assert without_durations(copied) == without_durations(declared)


@pytest.mark.parametrize("file", RULES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_rules_that_are_evaluated_often_differ_in_their_interval_alone(file: Path) -> None:
    declared = yaml.safe_load(file.read_text())
    copied = often_evaluated(declared, "5s")
    assert {group["interval"] for group in copied["groups"]} == {"5s"}
    for before, after in zip(declared["groups"], copied["groups"], strict=True):
        assert after == {**before, "interval": "5s"}


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("rate(x[5m]) > 10", "rate(x[5s]) > 10"),
        ("sum_over_time(x[1h:5m]) > 4.5", "sum_over_time(x[60s:5s]) > 4.5"),
        ("x[1d] offset 6h", "x[1440s] offset 360s"),
        ("slo:burn:rate5m > 14.4", "slo:burn:rate5m > 14.4"),
        ('x{le="5m"} > 60', 'x{le="5m"} > 60'),
        ("time() - x > 300", "time() - x > 300"),
    ],
)
def test_windows_and_shifts_are_shorter_and_names_and_limits_stay(
    expression: str, wanted: str
) -> None:
    [rule] = scaled(rules(expression), 60)["groups"][0]["rules"]
    assert rule["expr"] == wanted
    assert rule["labels"] == {"a": "5m"}


def test_what_lasts_no_time_goes_on_lasting_none() -> None:
    group = scaled(rules("x", lasting="0s"), 60)["groups"][0]
    assert (group["rules"][0]["for"], group["interval"]) == ("0s", "1s")


def test_a_changed_limit_is_seen() -> None:
    assert without_durations(rules("x[5m] > 1")) != without_durations(rules("x[5m] > 2"))
    assert without_durations(rules("x[5m] > 1"))["groups"][0]["rules"][0]["expr"] == (
        f"x[{REMOVED}] > 1"
    )
