"""What the API half of the library reads from the environment: content capture and label limits."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Capture(Enum):
    """Where prompt and completion content may go; the names are those of util-genai."""

    NO_CONTENT = "NO_CONTENT"
    SPAN_ONLY = "SPAN_ONLY"
    EVENT_ONLY = "EVENT_ONLY"
    SPAN_AND_EVENT = "SPAN_AND_EVENT"

    @property
    def on_span(self) -> bool:
        """Whether spans carry content."""
        return self in (Capture.SPAN_ONLY, Capture.SPAN_AND_EVENT)

    @property
    def on_event(self) -> bool:
        """Whether log records carry content."""
        return self in (Capture.EVENT_ONLY, Capture.SPAN_AND_EVENT)


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Limits of what is recorded.

    `content_characters` bounds each captured message list; `label_values` bounds the distinct
    values of one label of one metric; `series` bounds the label sets of one metric.
    """

    capture: Capture = Capture.NO_CONTENT
    content_characters: int = 8192
    label_values: int = 100
    series: int = 2000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "ApiSettings":
        """Read the settings; a value that makes no sense counts as not set.

        Telemetry must not keep an application from starting, so nothing is raised here.
        """
        values = os.environ if environment is None else environment
        named = values.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "").strip().upper()
        return cls(
            capture=Capture.__members__.get(named, Capture.NO_CONTENT),
            content_characters=_positive(values, "GAUGEWAY_CONTENT_MAX_CHARACTERS", 8192),
            label_values=_positive(values, "GAUGEWAY_LABEL_VALUES_MAX", 100),
            series=_positive(values, "GAUGEWAY_SERIES_MAX", 2000),
        )


def _positive(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else default
