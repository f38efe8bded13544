"""Where a number starts to be a worry and where it is an emergency, each stated once.

Panels colour by these; alert rules fire at them.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Two limits in the unit of the number they judge. `low_is_bad` turns them round."""

    warning: float
    critical: float
    low_is_bad: bool = False


def in_milliseconds(seconds: Limits) -> Limits:
    """The same limits for a number in milliseconds."""
    return Limits(seconds.warning * 1000, seconds.critical * 1000, seconds.low_is_bad)


ERROR_RATIO: Final = Limits(warning=0.05, critical=0.10)
DURATION_SECONDS: Final = Limits(warning=2.0, critical=10.0)
FIRST_CHUNK_SECONDS: Final = Limits(warning=1.0, critical=3.0)
GATEWAY_SECONDS: Final = Limits(warning=0.025, critical=0.1)
COST_PER_HOUR_USD: Final = Limits(warning=5.0, critical=10.0)
COST_PER_DAY_USD: Final = Limits(warning=100.0, critical=200.0)
UNPRICED_OPERATIONS: Final = Limits(warning=1.0, critical=100.0)
IN_PROGRESS_REQUESTS: Final = Limits(warning=100.0, critical=500.0)
CACHE_HIT_RATIO: Final = Limits(warning=0.5, critical=0.1, low_is_bad=True)
SERVICE_UP: Final = Limits(warning=1.0, critical=0.5, low_is_bad=True)
FAILURES_PER_SECOND: Final = Limits(warning=0.1, critical=1.0)

# Alerts, beside those above.
BUDGET_RATIO: Final = Limits(warning=0.80, critical=0.95)
# A budget that refuses ends below its limit: no request's most fits in what is left.
BUDGET_USED_UP_RATIO: Final = 0.9
BUDGET_DENIALS: Final = Limits(warning=5.0, critical=50.0)
UNCHECKED_REQUESTS: Final = Limits(warning=1.0, critical=100.0)
COST_SPIKE_RATIO: Final = Limits(warning=3.0, critical=10.0)
# Three times next to nothing is no spike.
COST_SPIKE_LEAST_USD_PER_HOUR: Final = 1.0
TOKENS_PER_HOUR: Final = Limits(warning=100_000.0, critical=1_000_000.0)
PROVIDER_SECONDS: Final = Limits(warning=5.0, critical=10.0)
REDIS_MEMORY_RATIO: Final = Limits(warning=0.8, critical=0.95)
PROCESS_MEMORY_BYTES: Final = Limits(warning=512 * 2**20, critical=800 * 2**20)
COLLECTOR_QUEUE_RATIO: Final = Limits(warning=0.5, critical=0.8)
TELEMETRY_AGE_SECONDS: Final = Limits(warning=120.0, critical=300.0)
USAGE_RECORDS_RATIO: Final = Limits(warning=0.5, critical=0.1, low_is_bad=True)
SLOW_USAGE_RECORDS: Final = Limits(warning=5.0, critical=50.0)
ERROR_LOGS: Final = Limits(warning=10.0, critical=100.0)
# What fewer requests say is chance: with less in its window a ratio or a percentile says nothing.
LEAST_REQUESTS: Final = 10
LEAST_FAILURES: Final = 5
LEAST_CACHE_LOOKUPS: Final = 20
LEAST_BAD_SPELLS: Final = 2

# Objectives. A budget of 30 days that burns 14.4 times as fast loses 2 % of itself in an hour, at 6
# times 5 % in 6 hours, at 3 times 10 % in a day, at 1 times 10 % in 3 days.
FAST_BURN_RATE: Final = Limits(warning=6.0, critical=14.4)
SLOW_BURN_RATE: Final = Limits(warning=1.0, critical=3.0)
SLO_BUDGET_LEFT_RATIO: Final = Limits(warning=0.25, critical=0.0, low_is_bad=True)

# Panels of cost and of latency, beside those above.
COST_PER_MONTH_USD: Final = Limits(warning=2000.0, critical=4000.0)
BUDGET_LEFT_RATIO: Final = Limits(warning=0.20, critical=0.05, low_is_bad=True)
# 1 is a budget that is used up exactly at the end of its window.
BUDGET_FORECAST_RATIO: Final = Limits(warning=0.9, critical=1.0)
COST_PER_REQUEST_USD: Final = Limits(warning=0.05, critical=0.5)
OUTPUT_CHUNK_SECONDS: Final = Limits(warning=0.1, critical=0.5)
SLOW_RATIO: Final = Limits(warning=0.05, critical=0.2)
CUT_STREAMS_RATIO: Final = Limits(warning=0.02, critical=0.1)
TIMEOUTS_IN_FIVE_MINUTES: Final = Limits(warning=1.0, critical=10.0)

# Panels of providers, of the telemetry and of the machine, beside those above.
SUCCESS_RATIO: Final = Limits(
    warning=1 - ERROR_RATIO.warning, critical=1 - ERROR_RATIO.critical, low_is_bad=True
)
# Of the calls of 24 hours so many may fail: what ProviderFailures calls too many, all day long.
PROVIDER_ERROR_BUDGET_RATIO: Final = ERROR_RATIO.warning
ERROR_BUDGET_USED_RATIO: Final = Limits(warning=0.75, critical=1.0)
HEADROOM_RATIO: Final = Limits(warning=0.2, critical=0.05, low_is_bad=True)
LIMIT_USED_RATIO: Final = Limits(
    warning=1 - HEADROOM_RATIO.warning, critical=1 - HEADROOM_RATIO.critical
)
RATE_LIMITED_ATTEMPTS: Final = Limits(warning=1.0, critical=50.0)
# increase() tells of one as of a little less or more than 1: half of one is one.
CREDENTIAL_FAILURES: Final = Limits(warning=0.5, critical=0.5)
REFUSED_ITEMS: Final = Limits(warning=0.5, critical=1000.0)
LOST_ITEMS: Final = Limits(warning=0.5, critical=0.5)
OVERFLOWED_MEASUREMENTS: Final = Limits(warning=0.5, critical=1000.0)
COLLECTOR_UP: Final = Limits(warning=1.0, critical=0.5, low_is_bad=True)
# Of the 512 MiB above which the Collector refuses: its GAUGEWAY_COLLECTOR_MEMORY_MIB.
COLLECTOR_MEMORY_BYTES: Final = Limits(warning=384 * 2**20, critical=480 * 2**20)
CPU_RATIO: Final = Limits(warning=0.8, critical=0.95)
MEMORY_RATIO: Final = Limits(warning=0.8, critical=0.95)
DISK_RATIO: Final = Limits(warning=0.8, critical=0.9)
EVENT_LOOP_LAG_SECONDS: Final = Limits(warning=0.05, critical=0.25)
BACKGROUND_TASK_UP: Final = Limits(warning=1.0, critical=0.5, low_is_bad=True)
REDIS_UP: Final = Limits(warning=1.0, critical=0.5, low_is_bad=True)
REDIS_SECONDS: Final = Limits(warning=0.05, critical=0.5)
REDIS_HIT_RATIO: Final = Limits(warning=0.25, critical=0.05, low_is_bad=True)
