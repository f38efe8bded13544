"""What a metric is: its name, kind, unit, labels and buckets, and its spelling in Prometheus."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Kind(Enum):
    """The instrument a metric is recorded with."""

    HISTOGRAM = "histogram"
    COUNTER = "counter"
    UP_DOWN_COUNTER = "up-down counter"
    OBSERVABLE_UP_DOWN_COUNTER = "observable up-down counter"
    GAUGE = "gauge"
    OBSERVABLE_GAUGE = "observable gauge"
    OBSERVABLE_COUNTER = "observable counter"


_PROMETHEUS_UNITS: Final = {
    "s": "seconds",
    "ms": "milliseconds",
    "By": "bytes",
    "1": "ratio",
    "%": "percent",
}
_COUNTERS: Final = frozenset({Kind.COUNTER, Kind.OBSERVABLE_COUNTER})
_GAUGES: Final = frozenset({Kind.GAUGE, Kind.OBSERVABLE_GAUGE})


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `foreign` ones are recorded by a library or the SDK, and charted by us."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    foreign: bool = False

    @property
    def prometheus(self) -> str:
        """The name in Prometheus under UnderscoreEscapingWithSuffixes.

        A histogram's series add `_bucket`, `_sum` and `_count` to it.
        """
        spelled = self.name.replace(".", "_").replace("-", "_")
        suffix = _PROMETHEUS_UNITS.get(self.unit, "")
        if suffix == "ratio" and self.kind not in _GAUGES:
            suffix = ""
        if suffix and not spelled.endswith("_" + suffix):
            spelled = f"{spelled}_{suffix}"
        if self.kind in _COUNTERS and not spelled.endswith("_total"):
            spelled = f"{spelled}_total"
        return spelled


# Buckets of the GenAI conventions, v1.41.0.
DURATION_BUCKETS: Final = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
TOKEN_BUCKETS: Final = (
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0,
    4194304.0, 16777216.0, 67108864.0,
)  # fmt: skip
# Buckets of the HTTP and database conventions.
HTTP_BUCKETS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
DB_BUCKETS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
# A gateway's own part is fractions of a millisecond, and seconds when it is ill.
GATEWAY_BUCKETS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
)  # fmt: skip
