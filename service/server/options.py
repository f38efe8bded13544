"""What the application tells the server that carries it, by way of the lifespan's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from service.error_shape import ServiceError

STATE_KEY: Final = "gaugeway.server"


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How large a request's head may be, and how long a connection is waited for; in seconds."""

    head_bytes: int = 64 * 1024
    """Request line and header fields together; trailer fields together as well."""
    fields: int = 200
    head_seconds: float = 30.0
    """From the first byte of a head to its end."""
    body_seconds: float = 30.0
    """Between two bytes of a body."""
    keep_alive_seconds: float = 75.0
    """How long a connection may be idle. Longer than the 60 s that clients and load balancers
    keep theirs, so that it is they who close: a request must not meet a connection that ends."""


def _nowhere(path: str) -> bool:
    return False


def _uncounted(error: ServiceError) -> None:
    return None


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Limits, where WebSockets are served, and who counts what never reached the application."""

    limits: ServerLimits = field(default_factory=ServerLimits)
    serves_websocket: Callable[[str], bool] = _nowhere
    refused: Callable[[ServiceError], None] = _uncounted

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> ServerOptions:
        """What the lifespan's state holds; the defaults where it holds nothing."""
        found = state.get(STATE_KEY)
        return found if isinstance(found, cls) else cls()
