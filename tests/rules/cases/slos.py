"""When alerts on error budgets fire, given the burn rates that are recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from grafana.slos.declared import SLOS
from grafana.slos.slo import SLO
from tests.rules.case import Case

# Long enough for every case below, a value each 15 s.
STEPS = 200


def burning(slo: SLO, bad: str, **rates: str) -> dict[str, str]:
    """What is recorded of an objective: `h1="2x9"` is the burn rate of an hour, `bad` of 5 min."""
    windows = {"m5": "5m", "m30": "30m", "h1": "1h", "h2": "2h", "h6": "6h", "d1": "1d", "d3": "3d"}
    labels = f'{{deployment_environment_name="dev",gaugeway_slo="{slo.name}"}}'
    # A window that a case does not name does not burn.
    values = {window: rates.get(key, f"0x{STEPS}") for key, window in windows.items()}
    return {
        f"slo:gaugeway_slo_bad:increase5m{labels}": bad,
        **{f"slo:gaugeway_slo_burn:rate{window}{labels}": each for window, each in values.items()},
    }


def _cases(slo: SLO) -> Iterator[Case]:
    stem = "".join(word.capitalize() for word in slo.name.split("-"))
    enough = f"{slo.least_bad}x{STEPS}"
    fast = Case(
        f"{stem}BudgetFastBurn",
        f"{slo.name}: an hour and its last five minutes rise above 14.4",
        burning(slo, enough, h1=f"14.4x8 14.5x{STEPS}", m5=f"100x{STEPS}"),
        silent=("2m", "4m"),
        fires="4m15s",
        labels={"deployment_environment_name": "dev", "gaugeway_slo": slo.name},
        summary=f"{slo.title}: the error budget in dev burns 14.5 times too fast",
    )
    slow = replace(
        fast,
        alert=f"{stem}BudgetSlowBurn",
        says=f"{slo.name}: a day and its last two hours rise above 3",
        series=burning(slo, enough, d1=f"3x8 3.1x{STEPS}", h2=f"4x{STEPS}"),
        silent=("2m", "17m"),
        fires="17m15s",
        summary=f"{slo.title}: the error budget in dev burns 3.1 times too fast",
    )
    yield fast
    yield replace(
        fast,
        says=f"{slo.name}: six hours and their last half hour rise above 6",
        series=burning(slo, enough, h6=f"7x{STEPS}", m30=f"6x8 6.1x{STEPS}"),
        summary=f"{slo.title}: the error budget in dev burns 7.0 times too fast",
    )
    yield slow
    yield replace(
        slow,
        says=f"{slo.name}: three days and their last six hours rise above 1",
        series=burning(slo, enough, d3=f"1x8 1.1x{STEPS}", h6=f"2x{STEPS}"),
        summary=f"{slo.title}: the error budget in dev burns 1.1 times too fast",
    )
    yield from _silent(slo, fast, {"h1": "14.4", "m5": "14.4", "h6": "6", "m30": "6"})
    yield from _silent(slo, slow, {"d1": "3", "h2": "3", "d3": "1", "h6": "1"})


def _silent(slo: SLO, firing: Case, limits: dict[str, str]) -> Iterator[Case]:
    """Cases of the same alert that do not fire; `limits` is what each window may burn at."""
    enough = f"{slo.least_bad}x{STEPS}"
    # At 5 minutes, 5 minutes 15 and so on nothing is bad any more.
    chance = f"{slo.least_bad - 1}x19 0x{STEPS}"
    constant = {window: f"{rate}x{STEPS}" for window, rate in limits.items()}
    quiet = replace(firing, fires="", labels={}, summary="", silent=("4m15s", "17m15s", "40m"))
    yield replace(quiet, says="exactly at the limits", series=burning(slo, enough, **constant))
    burnt = dict.fromkeys(limits, f"20x{STEPS}")
    # The short windows, each with the long one of the other pair.
    pairs = {"m5": "h6", "m30": "h1"} if "m5" in limits else {"h2": "d3", "h6": "d1"}
    for short, other in pairs.items():
        over = dict.fromkeys((short, other), f"0x{STEPS}")
        yield replace(
            quiet,
            says=f"the fault is over by the short window {short}",
            series=burning(slo, enough, **{**burnt, **over}),
        )
    yield replace(quiet, says="fewer bad than say anything", series=burning(slo, chance, **burnt))
    yield replace(quiet, says="no traffic: nothing is recorded", series={})


CASES = tuple(case for slo in SLOS for case in _cases(slo))
