"""Attributes that hold what callers wrote, and what is told of them where content is not captured.

What the interfaces of model providers name may stay: it is one of few. Anything else could be text.
"""

from typing import Final

from opentelemetry.util.types import AttributeValue

from otel import attributes as a

KNOWN_TIERS: Final = frozenset(
    {
        *("auto", "default", "flex", "priority", "scale", "batch", "fast"),
        *("standard", "standard_only", "on_demand", "performance"),
    }
)
_TIERS: Final = (a.REQUEST_TIER, a.RESPONSE_TIER)


def without_callers_text(attributes: dict[str, AttributeValue]) -> dict[str, AttributeValue]:
    """Take out of the attributes of an inference what its caller could write; return the same."""
    attributes.pop(a.STOP_SEQUENCES, None)
    for name in _TIERS:
        if name in attributes and attributes[name] not in KNOWN_TIERS:
            attributes[name] = a.OTHER
    return attributes
