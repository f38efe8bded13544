"""The sampler and the id generator that the standard variables ask for."""

import logging
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from opentelemetry.sdk.trace import sampling

_logger = logging.getLogger("opentelemetry.gaugeway.sampling")


def sampler(environment: Mapping[str, str]) -> sampling.Sampler | None:
    """Return the sampler `OTEL_TRACES_SAMPLER` names, or `None` for the SDK's choice.

    The SDK reads the variable for the samplers it knows; a foreign one comes from an entry point.
    """
    name = environment.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if not name:
        return None
    argument: Any = environment.get("OTEL_TRACES_SAMPLER_ARG")
    if name in ("traceidratio", "parentbased_traceidratio"):
        try:
            argument = float(argument or "")
        except ValueError:
            _logger.warning("OTEL_TRACES_SAMPLER_ARG is not a number; every trace is kept")
            argument = 1.0
    for entry_point in entry_points(group="opentelemetry_traces_sampler", name=name):
        return entry_point.load()(argument)
    _logger.warning("OTEL_TRACES_SAMPLER names %r, which nothing provides; it is ignored", name)
    return None
