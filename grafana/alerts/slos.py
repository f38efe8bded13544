"""Alerts on error budgets that burn too fast, two for each objective.

Each compares a long window, so that it is worth to look, with a short one, so that it ends soon
after the fault does.
"""

from typing import Final

from grafana.alerts.alert import Alert, Group, Severity
from grafana.dashboards import thresholds
from grafana.slos import series
from grafana.slos.declared import SLOS
from grafana.slos.series import PIECE, of
from grafana.slos.slo import SLO

_FAST: Final = thresholds.FAST_BURN_RATE
_SLOW: Final = thresholds.SLOW_BURN_RATE
_ENVIRONMENT: Final = "{{ $labels.deployment_environment_name }}"
_RATE: Final = '{{ printf "%.1f" $value }}'


def _burning(slo: SLO, rate: float, long: str, short: str) -> str:
    """The long window's burn rate where both windows burn faster, and not by mere chance."""
    in_long, in_short = (of(series.BURN_RATE[window], slo.name) for window in (long, short))
    bad = f"sum_over_time({of(series.BAD, slo.name, f'{long}:{PIECE}')})"
    # increase() tells of five events as of a little less or more than five.
    least = slo.least_bad - 0.5
    return f"{in_long} > {rate:g} and {in_short} > {rate:g} and {bad} > {least:g}"


def _fast(slo: SLO) -> Alert:
    hour = _burning(slo, _FAST.critical, "1h", PIECE)
    hours = _burning(slo, _FAST.warning, "6h", "30m")
    return Alert(
        name=f"{_stem(slo)}BudgetFastBurn",
        value=f"{hour} or {hours}",
        comparison=">",
        limit=_FAST.warning,
        lasting="2m",
        severity=Severity.CRITICAL,
        team=slo.team,
        summary=f"{slo.title}: the error budget in {_ENVIRONMENT} burns {_RATE} times too fast",
        description=f"Promised for {slo.percent} of all: {slo.promise}. At this pace the "
        f"budget of {slo.window} is gone within days: an hour at {_FAST.critical:g} times the "
        f"pace takes 2 % of it, six hours at {_FAST.warning:g} times take 5 %.",
        dashboard="slos",
        panel=slo.burn_rate_panel,
    )


def _slow(slo: SLO) -> Alert:
    day = _burning(slo, _SLOW.critical, "1d", "2h")
    days = _burning(slo, _SLOW.warning, "3d", "6h")
    return Alert(
        name=f"{_stem(slo)}BudgetSlowBurn",
        value=f"{day} or {days}",
        comparison=">",
        limit=_SLOW.warning,
        lasting="15m",
        severity=Severity.WARNING,
        team=slo.team,
        summary=f"{slo.title}: the error budget in {_ENVIRONMENT} burns {_RATE} times too fast",
        description=f"Promised for {slo.percent} of all: {slo.promise}. At this pace the "
        f"budget does not last its {slo.window}: a day at {_SLOW.critical:g} times the pace or "
        "three days above it take 10 %.",
        dashboard="slos",
        panel=slo.burn_rate_panel,
    )


def _stem(slo: SLO) -> str:
    """What the names of its alerts begin with: `first-chunk` is `FirstChunk`."""
    return "".join(word.capitalize() for word in slo.name.split("-"))


# For each objective, the alert on a fast burn and the one on a slow burn.
PAIRS: Final = tuple((_fast(slo), _slow(slo)) for slo in SLOS)
GROUP: Final = Group("gaugeway-slos", tuple(alert for pair in PAIRS for alert in pair))
