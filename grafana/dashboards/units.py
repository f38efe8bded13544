"""Grafana's names of the units that dashboards show."""

from typing import Final

USD: Final = "currencyUSD"
SECONDS: Final = "s"
# 0 to 1, shown in percent.
RATIO: Final = "percentunit"
