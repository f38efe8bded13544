"""What the service does about garbage collection while it runs."""

from __future__ import annotations

import gc

from tests.service.running import RunningService


def test_what_start_up_made_is_left_out_of_collections(service: RunningService) -> None:
    frozen = gc.get_freeze_count()
    assert frozen > 10_000, "a full collection would look through all of the application"
    assert service.chat().status == 200
