"""In which order things go wrong, so that no alert is silenced by another before it was heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cli.proving.faults import (
    DEAR,
    Fault,
    crowd,
    full_redis,
    hanging_tempo,
    large_application,
    left_application,
    one_of_each,
    stopped,
    stormy,
    used_budgets,
)
from cli.proving.storms import storm
from cli.proving.traffic import chat

_SLOW: Final = {"latency_ms": 11_500}
_LONG_PROMPT: Final = "the night train " * 4000


@dataclass(frozen=True, slots=True)
class Stage:
    """Faults that are there at once, beside `rate` good requests a second.

    `later`: alerts that faults of earlier stages cause now. `seconds` bounds the waiting for all.
    """

    name: str
    faults: tuple[Fault, ...]
    seconds: float
    rate: float = 3.0
    later: tuple[tuple[str, str], ...] = ()

    @property
    def causes(self) -> dict[str, str]:
        """Return the cause of each alert that is waited for."""
        now = {alert: fault.cause for fault in self.faults for alert in fault.alerts}
        return {**now, **dict(self.later)}


STAGES: Final = (
    Stage(
        "failing providers, used budgets",
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
            stormy("prompts of thousands of tokens", 1.0, "TokensPerHourHigh", prompt=_LONG_PROMPT),
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
        (stormy("a provider that takes 3 s", 4.0, "SlowResponses", simulate={"latency_ms": 3000}),),
        seconds=90.0,
    ),
    Stage(
        "a provider that takes 11 s",
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
            ("AvailabilityBudgetSlowBurn", "a provider that answered 500"),
            ("LatencyBudgetSlowBurn", "a provider that took 11 s"),
            ("FirstChunkBudgetSlowBurn", "a provider that took 11 s"),
            ("TelemetryStale", "an application ended"),
        ),
    ),
    Stage("a dear model", (DEAR,), seconds=180.0),
    Stage(
        "after the dear model",
        (),
        seconds=150.0,
        later=(("CostBudgetSlowBurn", "a model that cost some USD a request"),),
    ),
    Stage(
        "backends that fail",
        (
            Fault(
                "Tempo hangs until the Collector's queue is full",
                ("CollectorQueueFilling", "CollectorDroppingData"),
                hanging_tempo,
            ),
            Fault("Loki is stopped", ("UsageLogMissing",), stopped("loki")),
            Fault("Redis is stopped", ("RedisDown",), stopped("redis")),
            stormy("more requests without Redis than a journal holds", 8.0, "LedgerLosingEntries"),
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
