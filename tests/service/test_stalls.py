"""What the running service does so that neither collections nor other threads stall requests."""

from __future__ import annotations

import gc
import sys

from service.app import SWITCH_SECONDS
from tests.service.running import RunningService


def test_what_start_up_made_is_left_out_of_collections(service: RunningService) -> None:
    frozen = gc.get_freeze_count()
    assert frozen > 10_000, "a full collection would look through all of the application"
    assert service.chat().status == 200


def test_a_thread_that_encodes_telemetry_gives_way_soon(service: RunningService) -> None:
    assert sys.getswitchinterval() == SWITCH_SECONDS
    assert service.chat().status == 200
