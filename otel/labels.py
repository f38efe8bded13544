"""Admits label sets: only declared keys, few values each, nothing secret.

A label set seen before costs one dictionary look-up; all judging happens the first time.
"""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

from otel.attributes import OTHER
from otel.names import Metric
from otel.redaction import redact

LabelValue = str | int | float | bool
Labels = Mapping[str, LabelValue | None]
Admitted = Mapping[str, LabelValue]

_LONGEST_VALUE: Final = 128
_UNDECLARED: Final = "undeclared"


class UndeclaredLabelError(ValueError):
    """A metric was recorded with a label that `otel.names` does not declare for it."""


class LabelGuard:
    """Keeps one metric's labels inside what `otel.names` declares and inside the limits."""

    def __init__(
        self,
        metric: Metric,
        *,
        label_values: int,
        series: int,
        overflowed: Callable[[str, str], None],
        strict: bool = False,
    ) -> None:
        self._metric = metric
        self._label_values = label_values
        self._series = series
        self._overflowed = overflowed
        self._strict = strict
        self._seen: dict[str, set[LabelValue]] = {key: set() for key in metric.attributes}
        self._admitted: dict[tuple[object, ...], Admitted] = {}
        self._lock = Lock()

    def admit(self, labels: Labels) -> Admitted:
        """Return the labels to record: the same set, or one with `_OTHER` where it overflowed."""
        # 1, 1.0 and True are equal as keys; only status codes and ports are numbers, always int.
        key = tuple(labels.items())
        found = self._admitted.get(key)
        return found if found is not None else self._judge(key, labels)

    def _judge(self, key: tuple[object, ...], labels: Labels) -> Admitted:
        with self._lock:
            overflow: list[str] = []
            admitted: dict[str, LabelValue] = {}
            full = len(self._admitted) >= self._series
            for name, value in labels.items():
                if value is None:
                    continue
                bounded = self._bounded(name, value, full=full)
                if bounded is None:
                    overflow.append(_UNDECLARED)
                    continue
                if bounded != value and bounded == OTHER:
                    overflow.append(name)
                admitted[name] = bounded
            # Only what is recorded as it came is remembered: the rest could be anything, endlessly.
            if not full and all(admitted.get(name) == value for name, value in labels.items()):
                self._admitted[key] = admitted
        for name in overflow:
            self._overflowed(self._metric.name, name)
        return admitted

    def _bounded(self, name: str, value: LabelValue, *, full: bool) -> LabelValue | None:
        seen = self._seen.get(name)
        if seen is None:
            if self._strict:
                raise UndeclaredLabelError(
                    f"{self._metric.name} was recorded with the label {name!r}; "
                    f"declare it in otel/names.py or drop it"
                )
            return None
        if isinstance(value, str):
            if len(value) > _LONGEST_VALUE:
                return OTHER
            value = redact(value)
        if full:
            return OTHER
        if value in seen:
            return value
        if len(seen) >= self._label_values:
            return OTHER
        seen.add(value)
        return value
