"""How numbers are coloured and worded, the same on every panel."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    DashboardSpecialValueMapOptions,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from grafana.dashboards.thresholds import Limits

GOOD: Final = "green"
WARNING: Final = "orange"
CRITICAL: Final = "red"
# For what is neither good nor bad, such as having no traffic.
NEUTRAL: Final = "#6e7681"


def threshold_steps(limits: Limits, *, good: str = GOOD) -> ThresholdsConfig:
    """The limits as Grafana's steps, from the lowest value up."""
    if limits.low_is_bad:
        steps = [
            Threshold(value=None, color=CRITICAL),
            Threshold(value=limits.critical, color=WARNING),
            Threshold(value=limits.warning, color=good),
        ]
    else:
        steps = [
            Threshold(value=None, color=good),
            Threshold(value=limits.warning, color=WARNING),
            Threshold(value=limits.critical, color=CRITICAL),
        ]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def plain_steps() -> ThresholdsConfig:
    """One colour: for numbers nobody can call good or bad without knowing the business."""
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(None, GOOD)])


def when_absent(text: str) -> ValueMapping:
    """What to say instead of a number that is missing or not a number."""
    result = ValueMappingResult(text=text, color=NEUTRAL, index=0)
    match = SpecialValueMatch.NULL_AND_NAN
    return SpecialValueMap(DashboardSpecialValueMapOptions(match=match, result=result))


def up_or_down() -> ValueMapping:
    """1 and 0 as words."""
    return ValueMap(
        {
            "1": ValueMappingResult(text="up", color=GOOD, index=1),
            "0": ValueMappingResult(text="down", color=CRITICAL, index=2),
        }
    )
