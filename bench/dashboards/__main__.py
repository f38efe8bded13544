"""Measures every panel of two dashboards on thirty days of ten thousand series.

One JSON line a panel and time range. The exit status is 1 where a panel shows nothing, or takes
more than 500 ms at the 95th percentile over the range it opens with; others are told, not judged.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from typing import Final, NoReturn

from bench.dashboards.asking import opens_with, panels
from bench.dashboards.history import DAYS, END, description
from bench.dashboards.measuring import Answers, Measured, measure
from bench.dashboards.serving import prometheus
from bench.dashboards.stored import Store
from grafana.dashboards import overview, spending
from grafana.dashboards.variable_values import time_range

UIDS: Final = (overview.UID, spending.UID)
RANGES: Final = ("1h", "24h", "30d")


def measurements(answers: Answers, ranges: list[str], *, runs: int) -> Iterator[Measured]:
    """Every panel over every range; one with a range of its own is measured once."""
    for turn, looked_at in enumerate(ranges):
        for uid in UIDS:
            for panel in panels(uid, time_range(END.timestamp(), looked_at)):
                if not panel.own_range or turn == 0:
                    name = "its own" if panel.own_range else looked_at
                    judged = panel.own_range or looked_at == opens_with(uid)
                    yield measure(panel, name, answers, runs=runs, judged=judged)


def _terminated(_number: int, _frame: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.dashboards", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="how often each panel is asked")
    parser.add_argument("--days", type=float, default=DAYS, help="how much history there is")
    parser.add_argument("--ranges", nargs="+", default=[*RANGES], help="time ranges looked at")
    chosen = parser.parse_args(arguments)
    # So that Prometheus is stopped and its directory removed.
    signal.signal(signal.SIGTERM, _terminated)
    wrong = 0
    opened = Store.in_cache().opened(description(days=chosen.days))
    with opened as data, prometheus(data) as answers:
        for measured in measurements(answers, chosen.ranges, runs=chosen.runs):
            print(json.dumps(measured.line()), flush=True)
            wrong += measured.wrong
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
