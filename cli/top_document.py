"""`gaugeway top --json`: the same figures, changes and colours for a script."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cli.top_figures import Figures, Timing
from service.ledger.documents import Notable


def top_document(url: str, found: Figures, notable: Notable | None) -> dict[str, Any]:
    """One object: amounts are strings, shares and changes percent, durations milliseconds."""
    metrics = found.metrics
    today, rates = metrics.today, metrics.rates
    return {
        "url": url,
        "as_of": metrics.as_of,
        "status": metrics.status,
        "requests_per_minute": rates.requests_per_minute,
        "errors_per_minute": {"value": rates.errors_per_minute, "level": found.failing_level},
        "average_ms": _timing(found.average),
        "p95_ms": _timing(found.p95),
        "errors_today": {
            "value": today.errors,
            "percent": found.errors_percent,
            "level": found.errors_level,
        },
        "requests_today": today.requests,
        "cache_hit_percent_today": found.cache_hit_percent,
        "saved_usd_today": today.saved_usd,
        "tokens_today": today.tokens.model_dump(),
        "cost_usd_today": {"value": today.cost_usd, "level": found.cost_level},
        "unpriced_requests_today": today.unpriced_requests,
        "lost_today": metrics.lost.model_dump(),
        "active_sessions": metrics.active_sessions,
        "budgets": [{**one.state.model_dump(), "colour": one.level} for one in found.budgets],
        "notable": None if notable is None else notable.model_dump(),
    }


def _timing(timing: Timing) -> dict[str, Any]:
    given = asdict(timing)
    return {"value": given.pop("milliseconds"), **given}
