"""For the same traffic answers, ledger, usage logs and metrics tell one amount."""

from __future__ import annotations

import asyncio
import json
import random
import time
import urllib.request
from collections import Counter
from collections.abc import Generator, Sequence
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from otel import names
from otel.names import USAGE_BODY
from stack.requests import Answer, send
from stack.traffic import Scenarios
from tests.e2e.columns import METRICS_WITHIN, SPANS_WITHIN
from tests.e2e.polling import NotYetError, until
from tests.e2e.stack import Stack, running

APP = "bookkeeping"
REQUESTS = 240
AT_ONCE = 8


class Books:
    """What was sent by an app of its own, and every place that tells what it cost."""

    def __init__(self, stack: Stack, app: str, admin_key: str, answers: Sequence[Answer]) -> None:
        self.stack = stack
        self.app = app
        self.answers = answers
        self._admin_key = admin_key
        self._since = min(answer.began for answer in answers) - 5

    @property
    def told(self) -> Decimal:
        """The sum of what complete answers said that they cost."""
        return sum((Decimal(answer.cost) for answer in self.answers if answer.cost), Decimal(0))

    def ledger(self) -> dict[str, Any]:
        """The app's part of today's, and where midnight has just passed of yesterday's, usage."""
        by_app = self._usage()["by_app"]
        assert self.app in by_app, f"{sorted(by_app)}; answers: {self.outcomes}"
        return by_app[self.app]

    @property
    def outcomes(self) -> Counter[tuple[str, int]]:
        """How often each kind of request was answered with which status."""
        return Counter((answer.name, answer.status) for answer in self.answers)

    def logged(self) -> tuple[Decimal, int]:
        """The sum over the usage records in Loki, and how many there are."""
        query = f'{{service_name=~".+"}} |= `{USAGE_BODY}` | gaugeway_app=`{self.app}`'
        lines = self.stack.backends.lines(query, since=self._since, until=time.time() + 5)
        assert len(lines) < 1000, "more than one question to Loki can answer"
        costs = [Decimal(line.fields.get("gaugeway_cost", "0")) for line in lines]
        return sum(costs, Decimal(0)), len(lines)

    def counted(self) -> float:
        """The counter's sum in Prometheus."""
        selector = f'{names.COST.prometheus}{{gaugeway_app="{self.app}"}}'
        return self.stack.backends.value(f"sum({selector})") or 0.0

    def _usage(self) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.stack.service_url}/admin/usage?period=month",
            headers={"authorization": f"Bearer {self._admin_key}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def key_of(stack: Stack, app: str, role: str = "app") -> str:
    """A new key."""
    made = stack.command("keys", "create", app, "--role", role, "--json")
    return json.loads(made)["key"]


async def send_all(stack: Stack, key: str, *, cut: bool) -> list[Answer]:
    scenarios = Scenarios(random.Random(11), control=True)
    free = asyncio.Semaphore(AT_ONCE)
    requests = [scenarios.draw() for _ in range(REQUESTS)]
    broken = {"client leaves", "stream cut"}
    wanted = [r for r in requests if r.name != "bad key" and (cut or r.name not in broken)]

    async with aiohttp.ClientSession() as session:

        async def one(number: int) -> Answer:
            async with free:
                return await send(session, stack.service_url, key, wanted[number])

        return list(await asyncio.gather(*(one(number) for number in range(len(wanted)))))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """A stack of its own: hundreds of requests would blur what other tests count."""
    environment = {"GAUGEWAY_SIMULATE_CONTROL": "1"}
    with running(tmp_path_factory.mktemp("money"), environment=environment) as started:
        yield started


@pytest.fixture(scope="module", params=[False, True], ids=["whole", "cut"])
def books(stack: Stack, request: pytest.FixtureRequest) -> Books:
    app = f"{APP}-{'cut' if request.param else 'whole'}"
    key = key_of(stack, app)
    answers = asyncio.run(send_all(stack, key, cut=request.param))
    return Books(stack, app, key_of(stack, f"{app}-admin", "admin"), answers)


def test_answers_ledger_logs_and_metrics_tell_the_same_amount(books: Books) -> None:
    def agree() -> tuple[Decimal, Decimal]:
        ledger = Decimal(books.ledger()["cost_usd"])
        logged, lines = books.logged()
        if ledger != logged:
            raise NotYetError(f"the ledger has {ledger}, {lines} lines in Loki have {logged}")
        return ledger, logged

    ledger, _ = until(agree, within=SPANS_WITHIN)
    assert ledger > 0
    if books.app.endswith("whole"):
        assert ledger == books.told
    else:
        # What a cut stream cost its client was never told.
        assert ledger > books.told

    def measured() -> None:
        if (counted := books.counted()) != pytest.approx(float(ledger), rel=0, abs=1e-9):
            raise NotYetError(f"Prometheus has {counted}, the ledger {ledger}")

    until(measured, within=METRICS_WITHIN)


def test_the_ledger_counts_requests_as_their_clients_saw_them(books: Books) -> None:
    served = [answer for answer in books.answers if answer.status in (200, 500, 502, 503)]
    ledger = books.ledger()
    hits = sum(
        answer.name == "cached" and answer.cost == "0" and answer.status == 200
        for answer in books.answers
    )
    assert ledger["requests"] == len(served)
    assert ledger["cache_hits"] == hits > 0
    failed = sum(answer.status != 200 for answer in served)
    cut = sum(answer.name in ("client leaves", "stream cut") for answer in served)
    assert ledger["errors"] == failed + cut
