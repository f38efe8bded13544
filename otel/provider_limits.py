"""The metrics of what providers still allow, by their own headers. Part of `otel.names`."""

from typing import Final

from otel import attributes as a
from otel.metric import Kind, Metric

_LABELS: Final = (a.PROVIDER_NAME, a.REQUEST_MODEL, a.TARGET, a.RATE_LIMIT_KIND)


def _told(name: str, meaning: str) -> Metric:
    words = f"{meaning} As its last answer within a minute told this worker: take the lowest."
    return Metric(f"gaugeway.provider.rate_limit.{name}", Kind.OBSERVABLE_GAUGE, "", words, _LABELS)


RATE_LIMIT_REMAINING: Final = _told("remaining", "What a provider still allows in its window.")
RATE_LIMIT: Final = _told("limit", "What a provider allows in its window.")

PROVIDER_LIMITS: Final = (RATE_LIMIT_REMAINING, RATE_LIMIT)
