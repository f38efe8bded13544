"""Where a number starts to be a worry and where it is an emergency, each stated once.

Panels colour by these; alert rules are to fire at them.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Two limits in the unit of the number they judge. `low_is_bad` turns them round."""

    warning: float
    critical: float
    low_is_bad: bool = False


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
