"""Reads trace context and baggage from headers of a bearable size alone.

The baggage propagator splits its header at commas with what is blank around them, in time that
grows with the square of a run of blanks, and logs a header that is too long: both are the caller's
to choose.
"""

import re
from typing import Final

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)

LONGEST_HEADER: Final = 8192
"""Characters; more the propagators do not take either."""
_BAGGAGE: Final = "baggage"
_BLANKS: Final = re.compile(r"[ \t]+")


class BoundedPropagator(TextMapPropagator):
    """Another propagator, to which a header that is too long is not there."""

    def __init__(self, inner: TextMapPropagator) -> None:
        self._inner = inner

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Read the context that headers of a bearable size tell."""
        return self._inner.extract(carrier, context, _BoundedGetter(getter))

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write the context as the other propagator does."""
        self._inner.inject(carrier, context, setter)

    @property
    def fields(self) -> set[str]:
        """The headers the other propagator writes."""
        return self._inner.fields


class _BoundedGetter(Getter[CarrierT]):
    def __init__(self, inner: Getter[CarrierT]) -> None:
        self._inner = inner

    def get(self, carrier: CarrierT, key: str) -> list[str] | None:
        values = self._inner.get(carrier, key)
        if not values:
            return None
        if sum(map(len, values)) + len(values) - 1 > LONGEST_HEADER:
            return None
        return [_BLANKS.sub(" ", value) for value in values] if key == _BAGGAGE else values

    def keys(self, carrier: CarrierT) -> list[str]:
        return self._inner.keys(carrier)


def bound_propagation() -> None:
    """Have the process's propagator, whatever the environment named, read bearable headers."""
    present = propagate.get_global_textmap()
    if not isinstance(present, BoundedPropagator):
        propagate.set_global_textmap(BoundedPropagator(present))
