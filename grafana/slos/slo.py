"""What a service-level objective is: of so many, so many have to be good."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final, Protocol

from grafana.alerts.alert import Team
from grafana.alerts.shapes import by_environment, grown
from grafana.slos.series import PIECE
from otel.names import Metric

ENVIRONMENT: Final = by_environment()


class Indicator(Protocol):
    """Counts something."""

    def counted(self) -> str:
        """Return PromQL: how many in the last `PIECE`, by environment."""
        ...


@dataclass(frozen=True, slots=True)
class Events:
    """What a counter counts; `series` is `_count` or `_bucket` for a histogram's own."""

    metric: Metric
    matchers: tuple[str, ...] = ()
    series: str = ""

    def counted(self) -> str:
        """The increase of the counter."""
        return grown(self.metric, *self.matchers, by=ENVIRONMENT, window=PIECE, series=self.series)


@dataclass(frozen=True, slots=True)
class Spells:
    """Five minutes in which a value, by environment, was at most so high: 1 or 0."""

    value: str
    at_most: float = inf

    def counted(self) -> str:
        """1 while the value is known and no higher."""
        limit = "+Inf" if self.at_most == inf else f"{self.at_most:g}"
        return f"{self.value} <= bool {limit}"


@dataclass(frozen=True, slots=True)
class SLO:
    """Of `total` within `window` at least the share `objective` is `good`.

    `name` is the label `gaugeway_slo` of all its series, `title` what people read. `promise` says
    in words what is good. Alerts wait until `least_bad` of a window are bad: fewer are chance.
    """

    name: str
    title: str
    promise: str
    objective: float
    good: Indicator
    total: Indicator
    team: Team
    least_bad: int
    window: str = "30d"

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return round(1 - self.objective, 9)

    @property
    def percent(self) -> str:
        """The objective for people, such as `99.5 %`."""
        return f"{self.objective * 100:g} %"

    @property
    def burn_rate_panel(self) -> str:
        """The title of the panel that shows how fast the budget burns; alerts lead there."""
        return f"{self.title}: burn rate"
