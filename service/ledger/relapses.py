"""Says that Redis has forgotten entries, and counts those that nobody can send again."""

from __future__ import annotations

import logging
from collections.abc import Callable

from service.ledger.losses import Losses
from service.ledger.writer import Relapse

logger = logging.getLogger(__name__)

_BEHIND = (
    "it came back without what it wrote last, or a replica that was behind has taken its place"
)
_EMPTY = "it was emptied, or came back without its file, and what other workers had counted is gone"


def relapses_into(losses: Losses) -> Callable[[Relapse], None]:
    """What a writer is to call where it finds that Redis has forgotten entries."""

    def note(relapse: Relapse) -> None:
        lost = sum(forgotten.number for forgotten in relapse.lost)
        why = _BEHIND if relapse.mark else _EMPTY
        logger.warning(
            "Redis has forgotten %d usage entries that it had taken: %s. %d are sent again, %d are "
            "lost.",
            relapse.again + lost,
            why,
            relapse.again,
            lost,
        )
        for forgotten in relapse.lost:
            losses.count(
                forgotten.number,
                "redis_forgot",
                f"Redis has forgotten them: {why}",
                asked_at=forgotten.asked_at,
            )

    return note
