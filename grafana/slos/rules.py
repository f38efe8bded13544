"""The recording rules of every objective: error ratios, burn rates, and what is left of the budget.

What was bad and what counted is recorded every 15 s for the five minutes before. A longer window
adds up those records, so that a busy hour weighs more than a quiet one, and so that no rule reads
days of raw series, which end with their process. Windows of days add up every fourth record.
"""

from collections.abc import Iterable
from typing import Final

from grafana.alerts.recorded import Recorded, RecordedGroup
from grafana.dashboards.selectors import label, labels
from grafana.slos import series
from grafana.slos.declared import SLOS
from grafana.slos.series import PIECE, of
from grafana.slos.slo import ENVIRONMENT, SLO
from otel.names import Metric


def groups(slos: Iterable[SLO]) -> tuple[RecordedGroup, ...]:
    """Two groups for each objective: what alerts need at once, and what takes days to change."""
    return tuple(
        group
        for slo in slos
        for group in (
            RecordedGroup(f"gaugeway-slo-{slo.name}", _at_once(slo), "15s"),
            RecordedGroup(f"gaugeway-slo-{slo.name}-days", _of_days(slo), "1m"),
        )
    )


def _at_once(slo: SLO) -> tuple[Recorded, ...]:
    total = of(series.TOTAL, slo.name)
    # What is recorded has one label more than what is counted.
    on = f"on ({labels(*ENVIRONMENT)})"
    bad = f"{total} - {on} ({slo.good.counted()} or {on} 0 * {total})"
    return (
        _rule(slo, series.TOTAL, slo.total.counted()),
        _rule(slo, series.BAD, bad),
        *_windows(slo, series.SHORT_WINDOWS),
    )


def _of_days(slo: SLO) -> tuple[Recorded, ...]:
    ratio = of(series.ERROR_RATIO[slo.window], slo.name)
    return (
        _rule(slo, series.TOTAL_OF_MINUTES, of(series.TOTAL, slo.name)),
        _rule(slo, series.BAD_OF_MINUTES, of(series.BAD, slo.name)),
        *_windows(slo, series.LONG_WINDOWS),
        _rule(slo, series.ERROR_RATIO[slo.window], _ratio(slo, slo.window)),
        _rule(slo, series.OBJECTIVE, f"0 * {ratio} + {slo.objective:g}"),
        _rule(slo, series.BUDGET_LEFT, f"1 - {ratio} / {slo.budget:g}"),
    )


def _windows(slo: SLO, windows: Iterable[str]) -> list[Recorded]:
    return [
        rule
        for window in windows
        for rule in (
            _rule(slo, series.ERROR_RATIO[window], _ratio(slo, window)),
            _rule(
                slo,
                series.BURN_RATE[window],
                f"{of(series.ERROR_RATIO[window], slo.name)} / {slo.budget:g}",
            ),
        )
    ]


def _ratio(slo: SLO, window: str) -> str:
    """Bad of all; nothing where nothing happened."""
    if window == PIECE:
        return f"{of(series.BAD, slo.name)} / ({of(series.TOTAL, slo.name)} > 0)"
    short = window in series.SHORT_WINDOWS
    bad, total = (
        f"sum_over_time({of(metric, slo.name, window)})"
        for metric in (
            series.BAD if short else series.BAD_OF_MINUTES,
            series.TOTAL if short else series.TOTAL_OF_MINUTES,
        )
    )
    return f"{bad} / ({total} > 0)"


def _rule(slo: SLO, metric: Metric, expression: str) -> Recorded:
    return Recorded(metric, expression, {label(series.SLO_NAME): slo.name})


GROUPS: Final = groups(SLOS)
