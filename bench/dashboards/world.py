"""Who uses which model through how many processes: the label values of the history."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from grafana.dashboards.selectors import ENVIRONMENT, INSTANCE, SERVICE
from otel import attributes as a

Labels = Mapping[str, str]
"""Attribute → value, as OpenTelemetry spells attributes."""

APPS: Final = ("support", "search", "writing", "agents")
MODELS: Final = {
    "openai": ("gpt-5", "gpt-5-mini", "text-embedding-3-large"),
    "anthropic": ("claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"),
    "mistral": ("mistral-large",),
    "local": ("qwen3-32b",),
}
PROCESSES: Final = {"prod": 3, "staging": 1}
# The busiest app and model, in requests a second of one process; the next are ever quieter.
BUSIEST: Final = 0.5

# What an attribute can be that neither a model, a budget nor a process decides; empty is absent.
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    a.ERROR_TYPE: ("", "timeout"),
    a.TOKEN_TYPE: ("input", "output"),
    a.HTTP_STATUS_CODE: ("200", "429", "502"),
    a.HTTP_ROUTE: ("/v1/chat/completions", "/v1/embeddings", "/v1/models"),
    a.CACHE_RESULT: ("hit", "miss", "bypass"),
    a.STREAM_OUTCOME: ("completed", "client_disconnected", "provider_error"),
    a.SAVED_BY: ("response_cache", "prompt_cache"),
    a.DB_OPERATION_NAME: ("GET", "SET", "EVALSHA"),
    a.DEPENDENCY_NAME: ("redis", "openai", "anthropic"),
    a.RATE_LIMIT_KIND: ("requests", "tokens"),
    a.TELEMETRY_SIGNAL: ("traces", "metrics", "logs"),
}
# What has no choice above has this one value.
ANY: Final = ("any",)


@dataclass(frozen=True, slots=True)
class User:
    """One app at one model, and how many requests of it a process has in a second."""

    labels: Labels
    per_second: float


def users() -> Iterator[User]:
    """Every app at about half of the models, the busiest first."""
    served = [(provider, model) for provider, models in MODELS.items() for model in models]
    pairs = [
        (app, *target)
        for place, target in enumerate(served)
        for turn, app in enumerate(APPS)
        if (place + turn) % 2 == 0
    ]
    for rank, (app, provider, model) in enumerate(pairs):
        yield User(_user(app, provider, model), BUSIEST / math.pow(rank + 1, 0.8))


def _user(app: str, provider: str, model: str) -> Labels:
    return {
        a.APP: app,
        a.PROVIDER_NAME: provider,
        a.REQUEST_MODEL: model,
        a.RESPONSE_MODEL: f"{model}-2026-01-01",
        a.OPERATION_NAME: "embeddings" if "embedding" in model else "chat",
        a.SERVER_ADDRESS: f"api.{provider}.example",
        a.SERVER_PORT: "443",
        a.COMPONENT: f"{app}-answers",
        a.TARGET: f"{provider}/{model}",
        a.FALLBACK_FROM: f"{provider}/{model}",
        a.FALLBACK_TO: "local/qwen3-32b",
    }


def budgets() -> Iterator[Labels]:
    """A budget for each app in each window, and one for everything."""
    for window in ("day", "month"):
        yield _budget("everything", "global", "", window)
        for app in APPS:
            yield _budget("apps", "app", app, window)


def _budget(name: str, scope: str, value: str, window: str) -> Labels:
    return {
        a.BUDGET_NAME: f"{name}-{window}",
        a.BUDGET_SCOPE: scope,
        a.BUDGET_VALUE: value,
        a.BUDGET_UNIT: "USD",
        a.BUDGET_WINDOW: window,
    }


def processes() -> Iterator[Labels]:
    """The resource attributes of each process, as Prometheus keeps them beside a metric's own."""
    for environment, count in PROCESSES.items():
        for number in range(count):
            instance = f"{environment}-{number}"
            yield {
                ENVIRONMENT: environment,
                SERVICE: "gaugeway",
                INSTANCE: instance,
                "service.version": "0.1.0",
                "job": "gaugeway",
                "instance": instance,
            }
