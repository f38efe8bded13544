"""A million requests of $0.00000014 come to 14 cents: priced, and added by a real Redis."""

from __future__ import annotations

import socket
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.money import amount_text, dollars, picodollars
from service.pricing import Priced, Pricing
from service.tokens import Usage
from tests.ledger.servers import Server, programs, server

REQUESTS = 1_000_000
_BATCH = 20_000
# The book's price of seven tokens: $0.02 a million.
WHAT, SEVEN = Priced("openai", "text-embedding-3-small"), Usage(7, 0)


@pytest.mark.parametrize("name", programs())
def test_a_million_requests_of_140_nanodollars_add_up_exactly(name: str, tmp_path: Path) -> None:
    price = Pricing().price(WHAT, SEVEN, datetime(2026, 11, 21, tzinfo=UTC))
    assert price is not None
    assert amount_text(price.amount) == "0.00000014"
    total = 0
    with server(programs()[name], tmp_path / "redis") as redis:
        for sums in added(redis, picodollars(price.amount)):
            # Each reply is the sum after one more request: none of them may be off either.
            assert sums == [total + 140_000 * number for number in range(1, _BATCH + 1)]
            total = sums[-1]
        assert redis.ask(b"HGET usage cost") == b"$12\r\n140000000000\r\n"
    assert amount_text(dollars(total)) == "0.14"


def test_doubles_would_not_have_done() -> None:
    total = 0.0
    for _ in range(REQUESTS):
        total += 0.00000014
    assert total != 0.14


def added(redis: Server, amount: int) -> Generator[list[int]]:
    """The sum after each of the requests, one HINCRBY a request, sent in batches."""
    command = b"HINCRBY usage cost %d\r\n" % amount
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(redis.url.removeprefix("unix://"))
        with connection.makefile("rb") as replies:
            for _ in range(REQUESTS // _BATCH):
                connection.sendall(command * _BATCH)
                yield [int(replies.readline()[1:]) for _ in range(_BATCH)]
