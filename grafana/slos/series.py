"""The series that the rules of objectives record, as metrics that panels and alerts may name."""

from typing import Final

from otel.names import Kind, Metric

# What is counted in one piece; every longer window is made of such pieces.
PIECE: Final = "5m"
# Which objective a series is of.
SLO_NAME: Final = "gaugeway.slo"
# The windows that alerts compare, and the one that the budget is of.
SHORT_WINDOWS: Final = (PIECE, "30m", "1h", "2h", "6h")
LONG_WINDOWS: Final = ("1d", "3d")
BUDGET_WINDOW: Final = "30d"


def _recorded(metric: str, operation: str, meaning: str) -> Metric:
    return Metric(f"slo:{metric}:{operation}", Kind.GAUGE, "", meaning, (SLO_NAME,), foreign=True)


TOTAL: Final = _recorded("gaugeway_slo_total", f"increase{PIECE}", "What counted in five minutes.")
BAD: Final = _recorded("gaugeway_slo_bad", f"increase{PIECE}", "What of it was bad.")
# The same, a quarter as often: days of them are read each minute.
TOTAL_OF_MINUTES: Final = _recorded("gaugeway_slo_total", "each_minute", "The total, each minute.")
BAD_OF_MINUTES: Final = _recorded("gaugeway_slo_bad", "each_minute", "What was bad, each minute.")
ERROR_RATIO: Final = {
    window: _recorded("gaugeway_slo_bad", f"ratio{window}", f"The bad share of {window}.")
    for window in (*SHORT_WINDOWS, *LONG_WINDOWS, BUDGET_WINDOW)
}
BURN_RATE: Final = {
    window: _recorded(
        "gaugeway_slo_burn",
        f"rate{window}",
        f"How fast {window} used the budget: at 1 it lasts just as long as its window.",
    )
    for window in (*SHORT_WINDOWS, *LONG_WINDOWS)
}
OBJECTIVE: Final = _recorded("gaugeway_slo", "objective", "The share that has to be good.")
BUDGET_LEFT: Final = _recorded(
    "gaugeway_slo_budget",
    "left",
    "What is left of the budget: 1 all, 0 nothing, below 0 overdrawn.",
)

ALL: Final = (
    *(TOTAL, BAD, TOTAL_OF_MINUTES, BAD_OF_MINUTES),
    *(*ERROR_RATIO.values(), *BURN_RATE.values()),
    *(OBJECTIVE, BUDGET_LEFT),
)


def of(metric: Metric, slo: str, window: str = "") -> str:
    """The recorded series of one objective in every environment, over a window if one is given."""
    selected = f'{metric.prometheus}{{{SLO_NAME.replace(".", "_")}="{slo}"}}'
    return f"{selected}[{window}]" if window else selected
