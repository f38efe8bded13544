"""Whether what this process exports arrives, by what its own exports came to.

A receiver that takes connections and never answers, refuses what it is sent, or says that it threw
it away is reachable and of no use. Only who sends to it knows.
"""

import sys
from dataclasses import dataclass
from typing import Final, Literal

Trouble = Literal["timeout", "unreachable", "untrusted", "refused", "rejected", "slow"]

SLOW_SECONDS: Final = 5.0
"""What an export may take; one that is under way for longer is in trouble as it is."""


@dataclass(frozen=True, slots=True)
class ExportTrouble:
    """What is wrong with one signal's exports; `detail` is for people and holds nothing secret."""

    signal: str
    trouble: Trouble
    detail: str


def troubles() -> tuple[ExportTrouble, ...] | None:
    """What is wrong now, nothing where exports arrive or none has been needed yet.

    None where this process exports nothing over OTLP: then nobody knows.
    """
    # Where nobody has set telemetry up it need not be loaded to say so.
    if "otel.bootstrap.setup" not in sys.modules:
        return None
    from otel.bootstrap import setup

    handle = setup.current()
    if handle is None or handle.pipeline is None:
        return None
    return handle.pipeline.exporters.troubles()
