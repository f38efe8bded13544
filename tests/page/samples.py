"""Documents as the ledger would tell them, for pages in every state."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from service.ledger.documents import (
    BudgetState,
    Day,
    Latency,
    Notable,
    RequestSummary,
    Tokens,
    Totals,
    Usage,
    UserThreshold,
)
from service.money import amount_text

NOW = datetime(2026, 11, 21, 14, 36, 5, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"
MODELS = (
    "gpt-4.1",
    "claude-sonnet-4-5",
    "gpt-4.1-mini",
    "gemini-2.5-flash",
    "llama-3.3-70b-instruct-turbo-with-a-very-long-deployment-name-eu-central",
    "text-embedding-3-large",
    "gpt-4o-mini-tts",
    "whisper-1",
    "o4-mini",
    "mistral-large",
)
APPS = ("support-bot", "search", "billing-assistant", "nightly-summaries", "dev")
TRACES = tuple(f"{number:032x}" for number in range(0xA11CE, 0xA11CE + 30))


def totals(
    cost: str, requests: int = 100, *, errors: int = 0, unpriced: int = 0, saved: str = "0"
) -> Totals:
    """What was used, with plausible tokens and latencies."""
    return Totals(
        requests=requests,
        errors=errors,
        cache_hits=requests // 5,
        unpriced_requests=unpriced,
        estimated_requests=requests // 50,
        tokens=Tokens(input=requests * 812, output=requests * 241, cache_read=requests * 300),
        cost_usd=cost,
        saved_usd=saved,
        latency=Latency(
            requests=requests,
            total_latency_ms=requests * 843.2,
            avg_latency_ms=843.2 if requests else None,
            p50=612.0 if requests else None,
            p95=2480.0 if requests else None,
            p99=6120.0 if requests else None,
        ),
    )


def usage(whole: Totals | None = None, **groups: Mapping[str, Totals]) -> Usage:
    """Today; groups not given are empty."""
    names = ("service", "provider", "model", "app", "operation", "component", "user")
    return Usage(
        period="today",
        time_zone="UTC",
        start="2026-11-21T00:00:00+00:00",
        end="2026-11-22T00:00:00+00:00",
        complete=True,
        totals=whole or Totals(),
        users=len(groups.get("by_user", {})),
        **{f"by_{name}": dict(groups.get(f"by_{name}", {})) for name in names},  # pyright: ignore[reportArgumentType] - keys are the model's own
    )


def full_usage() -> Usage:
    """A busy day."""
    return usage(
        totals("7.318204117", 18_432, errors=212, unpriced=41, saved="1.0420318"),
        by_model={
            model: totals(
                amount_text(Decimal("3.21") / (place + 1) ** 2),
                6000 // (place + 1),
                errors=60 // (place + 1),
            )
            for place, model in enumerate(MODELS)
        }
        | {"in-house-7b": totals("0", 41, unpriced=41)},
        by_app={
            app: totals(amount_text(Decimal("4.1") / (place + 1)), 9000 // (place + 1))
            for place, app in enumerate(APPS)
        },
        by_service={"llm": totals("6.9", 15_000), "embeddings": totals("0.418204117", 3_432)},
        by_provider={"openai": totals("5.2", 12_000), "anthropic": totals("2.118204117", 6_432)},
        by_user={f"{number:016x}": totals("0.31", 300) for number in range(3)},
    )


def history(days: int = 30, *, seed: int = 4) -> tuple[Day, ...]:
    """Thirty days that end today, with a weekly swing."""
    chance = random.Random(seed)
    found: list[Day] = []
    for back in range(days - 1, -1, -1):
        day = NOW.date() - timedelta(days=back)
        size = Decimal(str(round((0.35 if day.weekday() > 4 else 1) * chance.uniform(5, 10), 4)))
        by_model = _shared(size, MODELS, chance)
        found.append(
            Day(
                date=day.isoformat(),
                totals=totals(
                    amount_text(sum((Decimal(t.cost_usd) for t in by_model.values()), Decimal(0))),
                    int(size * 2000),
                    saved="0.8",
                    unpriced=41 if back == 0 else 0,
                ),
                by_service={},
                by_model=by_model,
                by_app=_shared(size, APPS, chance),
            )
        )
    return tuple(found)


def no_history(days: int = 30) -> tuple[Day, ...]:
    """Thirty days without a request."""
    return tuple(
        Day(
            date=(NOW.date() - timedelta(days=back)).isoformat(),
            totals=Totals(),
            by_service={},
            by_model={},
            by_app={},
        )
        for back in range(days - 1, -1, -1)
    )


def budget(name: str = "daily", **changes: object) -> BudgetState:
    """The shipped day budget in the middle of a day."""
    given: dict[str, object] = {
        "name": name,
        "scope": "whole",
        "value": None,
        "window": "day",
        "time_zone": "UTC",
        "unit": "usd",
        "starts_at": "2026-11-21T00:00:00+00:00",
        "resets_at": "2026-11-22T00:00:00+00:00",
        "limit": "10",
        "spent": "7.318204117",
        "reserved": "0.41",
        "remaining": "2.271795883",
        "used_percent": 73.18,
        "forecast": "12.03",
        "denials": 0,
        "level": "ok",
        **changes,
    }
    return BudgetState.model_validate(given)


def budgets() -> tuple[BudgetState, ...]:
    """One of each kind."""
    month = {"window": "month", "resets_at": "2026-12-01T00:00:00+00:00"}
    return (
        budget(),
        budget("monthly", **month, limit="200", spent="168.2", reserved="0.41", remaining="31.39",
               used_percent=84.1, forecast="238.11", level="warning"),
        budget("support-bot-tokens", scope="app", value="support-bot", unit="tokens",
               limit="5000000", spent="5000000", reserved="0", remaining="0", used_percent=100.0,
               forecast=None, denials=312, level="exhausted"),
        budget("search-requests", scope="component", value="search", window="hour", unit="requests",
               resets_at="2026-11-21T15:00:00+00:00", limit="1000", spent="91", reserved="3",
               remaining="906", used_percent=9.1, forecast="152"),
        budget("per-user", scope="user", limit="0.5", spent="0", reserved="0", remaining="0.5",
               used_percent=0.0, forecast=None,
               users=(UserThreshold(percent=80, users=12), UserThreshold(percent=95, users=3),
                      UserThreshold(percent=100, users=1))),
    )  # fmt: skip


def request(place: int = 0, **changes: object) -> RequestSummary:
    """One request of the hour."""
    given: dict[str, object] = {
        "trace_id": TRACES[place],
        "asked_at": (NOW - timedelta(minutes=place * 2 + 1)).isoformat(timespec="milliseconds"),
        "app": APPS[place % len(APPS)],
        "operation": "chat",
        "provider": "openai",
        "model": MODELS[place % len(MODELS)],
        "component": "search" if place % 3 == 0 else None,
        "outcome": "completed",
        "error": None,
        "stream": place % 2 == 0,
        "estimated": place % 4 == 0,
        "latency_ms": 900.0 + 311.7 * place,
        "input_tokens": 12_000 // (place + 1),
        "output_tokens": 900 // (place + 1),
        "cost_usd": amount_text(Decimal("0.084213") / (place + 1)),
        **changes,
    }
    return RequestSummary.model_validate(given)


def notable() -> Notable:
    """Ten of each."""
    codes = ("provider_timeout", "provider_rate_limited", "budget_exceeded")
    return Notable(
        dearest=tuple(request(place) for place in range(10)),
        slowest=tuple(
            request(
                place,
                latency_ms=125_000.0 / (place + 1),
                cost_usd=None if place == 2 else "0",
                **({"outcome": "error", "error": "provider_timeout"} if place == 1 else {}),
            )
            for place in range(10)
        ),
        failed=tuple(
            request(place, outcome="error", error=codes[place % 3], cost_usd="0")
            for place in range(5)
        ),
    )


def _shared(size: Decimal, names: tuple[str, ...], chance: random.Random) -> dict[str, Totals]:
    return {
        name: totals(amount_text(size * Decimal(str(round(chance.uniform(0.2, 1), 3))) / 2**place))
        for place, name in enumerate(names)
    }
