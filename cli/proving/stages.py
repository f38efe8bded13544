"""In which order things go wrong, so that no alert is silenced by another before it was heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cli.proving.declared import CHEAP_MODEL
from cli.proving.faults import (
    DEAR,
    Fault,
    crowd,
    full_redis,
    hanging_tempo,
    killed_worker,
    large_application,
    left_application,
    one_of_each,
    spoilt_keys,
    stopped,
    stormy,
    used_budgets,
)
from cli.proving.storms import storm
from cli.proving.traffic import chat

_FAILING: Final = "failing providers, used budgets"
_SLOWEST: Final = "a provider that takes 11 s"
_WAS_SLOW: Final = "a provider that took 11 s"
_SPENDING: Final = "a dear model"
_SLOW: Final = {"latency_ms": 11_500}
_LONG_PROMPT: Final = "the night train " * 4000


@dataclass(frozen=True, slots=True)
class Later:
    """An alert that a fault of an earlier stage causes, and that stage's name."""

    alert: str
    cause: str
    stage: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Faults that are there at once, beside `rate` good requests a second.

    `later` is what is waited for beside their alerts. `seconds` bounds the waiting for all.
    """

    name: str
    faults: tuple[Fault, ...]
    seconds: float
    rate: float = 3.0
    later: tuple[Later, ...] = ()

    @property
    def causes(self) -> dict[str, str]:
        """Return the cause of each alert that is waited for."""
        now = {alert: fault.cause for fault in self.faults for alert in fault.alerts}
        return {**now, **{later.alert: later.cause for later in self.later}}


STAGES: Final = (
    Stage(
        _FAILING,
        (
            Fault("an application ended", (), left_application),
            Fault(
                "an application with 600 MiB and errors",
                ("HighMemory", "ErrorLogs"),
                large_application,
            ),
            Fault(
                "requests up to and over what budgets allow",
                (
                    *("MonthlyBudget80Percent", "MonthlyBudget95Percent", "BudgetExhausted"),
                    *("BudgetDenials", "MonthEndForecastOverBudget"),
                ),
                used_budgets,
            ),
            Fault("requests of 130 apps", ("CardinalityOverflow",), crowd),
            Fault("a 401 of a provider", ("ProviderCredentials",), one_of_each),
            Fault("a model without a price", ("UnpricedModel",), one_of_each),
            stormy(
                "a provider that answers 500",
                4.0,
                *("ProviderFailures", "HighErrorRate", "AvailabilityBudgetFastBurn"),
                simulate={"status": 500},
            ),
            stormy(
                "a provider that answers 429",
                2.0,
                "ProviderRateLimited",
                simulate={"status": 429, "retry_after": 0},
            ),
            stormy(
                "prompts of thousands of tokens",
                1.0,
                "TokensPerHourHigh",
                model=CHEAP_MODEL,
                prompt=_LONG_PROMPT,
            ),
            Fault(
                "questions that nobody asked before",
                ("CacheHitLow",),
                lambda stack: storm(
                    stack,
                    lambda number: chat(
                        "new", prompt=f"What is {number}?", headers={"cache-control": "max-age=60"}
                    ),
                    per_second=4.0,
                ),
            ),
        ),
        seconds=150.0,
    ),
    Stage(
        "a provider that takes 3 s",
        (
            stormy(
                "a provider that takes 3 s", 4.0, "SlowResponses", simulate={"latency_ms": 3000}
            ),
            Fault("a keys file that was cut short", ("BackgroundTaskFailing",), spoilt_keys),
        ),
        seconds=90.0,
    ),
    Stage(
        _SLOWEST,
        (
            stormy(
                "a provider that takes 11 s",
                6.0,
                *("HighLatency", "ProviderLatencyHigh", "SlowFirstChunk", "UsageLogSlow"),
                *("LatencyBudgetFastBurn", "FirstChunkBudgetFastBurn"),
                stream=True,
                simulate=_SLOW,
            ),
        ),
        seconds=180.0,
        rate=0.0,
    ),
    Stage(
        "afterwards",
        (Fault("a Redis whose memory is nearly used", ("RedisMemoryHigh",), full_redis),),
        seconds=400.0,
        later=(
            Later("AvailabilityBudgetSlowBurn", "a provider that answered 500", _FAILING),
            Later("LatencyBudgetSlowBurn", _WAS_SLOW, _SLOWEST),
            Later("FirstChunkBudgetSlowBurn", _WAS_SLOW, _SLOWEST),
            Later("TelemetryStale", "an application ended", _FAILING),
        ),
    ),
    Stage(_SPENDING, (DEAR,), seconds=180.0),
    Stage(
        "after the dear model",
        (),
        seconds=150.0,
        later=(Later("CostBudgetSlowBurn", "a model that cost some USD a request", _SPENDING),),
    ),
    Stage(
        "a killed worker",
        (Fault("a worker is killed", ("WorkerLost",), killed_worker),),
        seconds=90.0,
    ),
    Stage(
        "backends that fail",
        (
            Fault(
                "Tempo hangs until the Collector's queue is full",
                ("CollectorQueueFilling", "CollectorDroppingData"),
                hanging_tempo,
            ),
            Fault("Loki is stopped", ("UsageLogMissing", "BackendDown"), stopped("loki")),
            Fault("Redis is stopped", ("RedisDown",), stopped("redis")),
            stormy(
                "more requests without Redis than a journal holds",
                8.0,
                *("LedgerLosingEntries", "LedgerPending", "BudgetsUnchecked"),
            ),
        ),
        seconds=120.0,
    ),
    Stage(
        "no service",
        (Fault("the service is stopped", ("ServiceDown",), stopped("service")),),
        seconds=90.0,
    ),
    Stage(
        "no Collector",
        (Fault("the Collector is stopped", ("CollectorDown",), stopped("collector")),),
        seconds=60.0,
    ),
)
