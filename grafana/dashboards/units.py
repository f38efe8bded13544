"""Grafana's names of the units that dashboards show."""

from typing import Final

USD: Final = "currencyUSD"
SECONDS: Final = "s"
# 0 to 1, shown in percent.
RATIO: Final = "percentunit"
BYTES: Final = "bytes"
BYTES_PER_SECOND: Final = "Bps"
PER_SECOND: Final = "ops"
