"""What is noted in Redis of requests under way, so that others can enter them if their worker dies.

A note is made by the call that reserves for a request, and removed by the one that enters it in the
ledger or gives its reservation back. Notes of one writer are a hash: by the request's id its facts
as JSON, its lease, and its charges as JSON, a line each. What was entered in a request's stead is
kept beside it, as a line of a journal, so that its writer can replace it where it lives after all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pydantic_core import to_json

from service.ledger.calendar import PREFIX
from service.ledger.entry import Charge, Entry
from service.ledger.scripts import load_script

NOTE = load_script("service.ledger", "note")
LOST = "worker_lost"
"""The outcome, and the error, of a request whose worker is gone."""


class OpenRequest(NamedTuple):
    """What is known of a request before it is answered: who asks for what, and its upper bound.

    `model` is what the provider calls it, `asked_model` its public name. `cost` is in picodollars,
    None where it was not worked out. Tokens and cost are the most that the request can use.
    """

    asked_at: int
    trace_id: str
    operation: str
    provider: str
    model: str
    target: str
    asked_model: str
    app: str
    user: str | None
    component: str | None
    stream: bool
    input_tokens: int
    output_tokens: int
    cost: int | None


PriceOpen = Callable[[OpenRequest], int | None]
"""The most in picodollars that a request can cost; None where no price is known."""


def open_key(writer: str) -> str:
    """Where the requests under way of a writer's worker are noted."""
    return f"{PREFIX}open:{writer}"


def estimated_key(writer: str) -> str:
    """Where the estimates are that stand for entries of a writer."""
    return f"{PREFIX}estimated:{writer}"


def note_of(facts: bytes, charges: Sequence[Charge]) -> bytes:
    """The note of a request that holds no reservation; `reserve.lua` writes those of others."""
    rows = [
        [charge.key, str(charge.amount), str(charge.expires_at), str(charge.most_users)]
        for charge in charges
    ]
    return b"\n".join((facts, b"", to_json(rows)))


def estimate(identifier: str, note: bytes, *, noticed_at: int, price: PriceOpen) -> Entry:
    """The entry of a request whose worker was noticed to be gone at a moment (ms since the epoch).

    It has used all that it could. Raises `ValueError` where the note is damaged.
    """
    try:
        facts, lease, charges = note.decode().split("\n")
        request = OpenRequest(*json.loads(facts))
        tokens = {
            "input_tokens": request.input_tokens,
            "output_tokens": request.output_tokens,
        }
        return Entry(
            id=identifier,
            asked_at=request.asked_at,
            trace_id=request.trace_id,
            operation=request.operation,
            provider=request.provider,
            model=request.model,
            target=request.target,
            app=request.app,
            user=request.user,
            component=request.component,
            outcome=LOST,
            error=LOST,
            stream=request.stream,
            latency_us=max(0, noticed_at - request.asked_at) * 1000,
            estimated=True,
            tokens={kind: count for kind, count in tokens.items() if count},
            cost=price(request) if request.cost is None else request.cost,
            charges=tuple(
                Charge(key, int(amount), lease or None, int(expires), int(most))
                for key, amount, expires, most in json.loads(charges)
            ),
        )
    except (ValueError, TypeError) as error:
        raise ValueError(f"The note of the request {identifier} is damaged: {error}") from None
