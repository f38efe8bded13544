"""Each request becomes one entry, on whatever way it ends, and what it reserved goes with it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from otel import attributes, names
from service.bill import Bill
from service.budgets.lease import Lease
from service.errors import (
    DeadlineExceeded,
    LedgerUnavailable,
    ModelUnpriced,
    PermissionDenied,
    ProviderError,
    ProviderTimeout,
    RequestTooLarge,
)
from service.ledger.entry import ChargeState
from service.money import picodollars
from service.runtime import Parts
from service.settings import Settings
from service.tokens import Usage
from tests.service.accounting import RememberingBudgets, RememberingLedger, a_hold
from tests.service.fake_providers import EndlessProvider
from tests.service.gateway_under_test import a_few_turns, chat_request, started_runtime
from tests.service.running import usage_records


@pytest.fixture
def ledger() -> RememberingLedger:
    return RememberingLedger()


@pytest.fixture
def budgets() -> RememberingBudgets:
    return RememberingBudgets()


def settings(tmp_path: Path, **more: Any) -> Settings:
    return Settings(home=tmp_path / "home", env="dev", redis_url=_NO_REDIS, **more)


_NO_REDIS: Any = "redis://127.0.0.1:1/0"


async def test_a_plain_answer_is_one_entry_with_its_cost_and_its_charge(
    tmp_path: Path, ledger: RememberingLedger, budgets: RememberingBudgets
) -> None:
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger, budgets=budgets)) as (
        runtime,
        _,
    ):
        answer = await runtime.gateway.complete(chat_request(user="abcd", trace_id="1" * 32))
    entry = ledger.only
    assert answer.bill.cost is not None
    assert entry.cost == picodollars(answer.bill.cost) > 0
    assert entry.charges[0].amount == entry.cost
    assert entry.charges[0].lease == "quick"
    assert (entry.app, entry.user, entry.trace_id) == ("test", "abcd", "1" * 32)
    assert (entry.service, entry.provider, entry.model) == ("llm", "simulated", "simulated")
    assert entry.tokens["input_tokens"] + entry.tokens["output_tokens"] == answer.bill.tokens
    assert entry.outcome == "completed"
    assert entry.error is None
    assert entry.latency_us > 0


async def test_speech_is_entered_by_its_characters_and_seconds(
    tmp_path: Path, ledger: RememberingLedger
) -> None:
    used = Usage(0, 0, characters=420, seconds=Decimal("61.25"))
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger)) as (runtime, _):
        target = runtime.targets.models["simulated"][0]
        account = runtime.books.accounts.open(chat_request(), target)
        account.close("completed", bill=Bill(0, Decimal("0.01"), usage=used))
    assert (ledger.only.characters, ledger.only.milliseconds) == (420, 61_250)


async def test_an_answer_says_what_is_left_once_it_is_on_record(
    tmp_path: Path, ledger: RememberingLedger, budgets: RememberingBudgets
) -> None:
    ledger.states = (ChargeState("key:everything", spent=77, reserved=5),)
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger, budgets=budgets)) as (
        runtime,
        _,
    ):
        answer = await runtime.gateway.complete(chat_request())
    assert [(hold.spent, hold.reserved) for hold in answer.lease.holds] == [(77, 5)]


async def test_nothing_is_answered_before_it_is_on_record(
    tmp_path: Path, ledger: RememberingLedger
) -> None:
    ledger.gate = asyncio.Event()
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger)) as (runtime, _):
        answering = asyncio.create_task(runtime.gateway.complete(chat_request()))
        while not ledger.entries:
            await asyncio.sleep(0.001)
        await a_few_turns()
        assert not answering.done()
        ledger.gate.set()
        await answering


async def test_a_stream_is_on_record_before_its_end_is_told(
    tmp_path: Path, ledger: RememberingLedger
) -> None:
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger)) as (runtime, _):
        stream = await runtime.gateway.stream(chat_request(stream=True))
        assert not ledger.entries
        async for _ in stream:
            pass
    assert ledger.only.outcome == "completed"
    assert ledger.only.stream
    assert stream.bill is not None
    assert stream.bill.cost is not None
    assert ledger.only.cost == picodollars(stream.bill.cost)


async def test_a_stream_that_is_cut_is_entered_with_what_was_used(
    tmp_path: Path, ledger: RememberingLedger, budgets: RememberingBudgets
) -> None:
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger, budgets=budgets)) as (
        runtime,
        _,
    ):
        stream = await runtime.gateway.stream(chat_request("tell me more", stream=True))
        await anext(aiter(stream))
        await stream.aclose()
    entry = ledger.only
    assert entry.outcome == "client_disconnect"
    assert entry.estimated
    assert entry.cost
    assert entry.charges[0].amount == entry.cost


async def test_a_stream_that_nobody_reads_is_entered_once(
    tmp_path: Path, ledger: RememberingLedger
) -> None:
    endless = EndlessProvider(100)
    parts = Parts(
        ledger=ledger, providers=lambda targets, _: dict.fromkeys(targets.connections, endless)
    )
    async with started_runtime(settings(tmp_path), parts=parts) as (runtime, _):
        stream = await runtime.gateway.stream(chat_request(stream=True))
        del stream
        await a_few_turns()
        assert ledger.only.outcome == "abandoned"


async def test_a_failed_request_is_entered_and_gives_back_what_it_reserved(
    tmp_path: Path, ledger: RememberingLedger, budgets: RememberingBudgets
) -> None:
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger, budgets=budgets)) as (
        runtime,
        _,
    ):
        with pytest.raises(ProviderError):
            await runtime.gateway.complete(chat_request(model="down"))
    entry = ledger.only
    assert entry.outcome == "provider_error"
    assert entry.error == "overloaded"
    assert entry.cost == 0
    assert [(charge.amount, charge.lease) for charge in entry.charges] == [(0, "failing")]


async def test_a_fallback_moves_the_reservation_and_is_one_entry(
    tmp_path: Path, ledger: RememberingLedger, budgets: RememberingBudgets
) -> None:
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger, budgets=budgets)) as (
        runtime,
        _,
    ):
        await runtime.gateway.complete(chat_request(model="fallback"))
    assert [target for target, _ in budgets.reserved] == ["failing", "steady"]
    assert budgets.released == [budgets.reserved[0][1]]
    assert ledger.only.target == "steady"
    assert ledger.only.charges[0].lease == "steady"


async def test_a_deadline_gives_the_reservation_back(
    tmp_path: Path, ledger: RememberingLedger, budgets: RememberingBudgets
) -> None:
    slow = """
targets:
  slow:
    provider: simulated
    options: {seed: 7, latency_ms: 5000}
    models: {simulated: {prices: {input: "1", output: "1"}}}
"""
    async with started_runtime(
        settings(tmp_path), targets=slow, parts=Parts(ledger=ledger, budgets=budgets)
    ) as (runtime, _):
        with pytest.raises(DeadlineExceeded):
            await runtime.gateway.complete(chat_request(seconds=0.05))
    assert ledger.only.outcome == "timeout"
    assert ledger.only.charges[0].lease == "slow"


_SILENT = """
targets:
  silent:
    provider: simulated
    options: {seed: 7, latency_ms: 5000}
    timeouts: {read: 0.05}
    retries: {attempts: 2, base_delay: 0.01, max_delay: 0.01}
    models: {simulated: {prices: {input: "1000", output: "1000"}}}
  quick:
    provider: simulated
    options: {seed: 7, latency_ms: 0}
    models: {simulated: {prices: {input: "1000", output: "1000"}}}
models:
  simulated: [silent, quick]
"""


async def test_tries_whose_answers_did_not_come_in_time_count_their_prompts(
    tmp_path: Path, ledger: RememberingLedger, budgets: RememberingBudgets
) -> None:
    alone = _SILENT.partition("  quick:")[0]
    async with started_runtime(
        settings(tmp_path), targets=alone, parts=Parts(ledger=ledger, budgets=budgets)
    ) as (runtime, telemetry):
        with pytest.raises(ProviderTimeout):
            await runtime.gateway.complete(chat_request("x" * 400))
        (record,) = usage_records(telemetry)
    entry = ledger.only
    assert entry.estimated
    assert entry.tokens == {"input_tokens": 2 * 104}
    assert entry.cost == 2 * 104 * 10**9
    assert entry.charges[0].amount == entry.cost
    assert picodollars(Decimal(str(record[attributes.COST]))) == entry.cost


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_target_billed_that_was_too_slow_is_part_of_the_answers_cost(
    tmp_path: Path, ledger: RememberingLedger, budgets: RememberingBudgets, stream: bool
) -> None:
    async with started_runtime(
        settings(tmp_path), targets=_SILENT, parts=Parts(ledger=ledger, budgets=budgets)
    ) as (runtime, telemetry):
        request = chat_request("x" * 400, stream=stream)
        if stream:
            live = await runtime.gateway.stream(request)
            _ = [part async for part in live]
            bill = live.bill
        else:
            bill = (await runtime.gateway.complete(request)).bill
        costs = [Decimal(str(record[attributes.COST])) for record in usage_records(telemetry)]
    assert len(costs) == 2
    assert bill is not None
    assert bill.cost == sum(costs)
    assert picodollars(sum(costs, Decimal(0))) == ledger.only.cost
    assert min(costs) >= Decimal("0.1")


async def test_what_a_budget_refuses_asks_no_target_and_is_no_entry(
    tmp_path: Path, ledger: RememberingLedger
) -> None:
    def refuse(*_: object) -> Lease:
        raise RequestTooLarge("stands for any refusal")

    budgets = RememberingBudgets(refuse)
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger, budgets=budgets)) as (
        runtime,
        telemetry,
    ):
        with pytest.raises(RequestTooLarge):
            await runtime.gateway.complete(chat_request())
        with pytest.raises(RequestTooLarge):
            await runtime.gateway.stream(chat_request(stream=True))
        assert not telemetry.spans()
        assert not runtime.in_flight
    assert not ledger.entries


async def test_a_budget_sends_a_request_to_a_cheaper_model_once(
    tmp_path: Path, ledger: RememberingLedger
) -> None:
    budgets = RememberingBudgets(
        lambda request, target: Lease((a_hold(target.name),), route="fallback", routed_by="daily")
    )
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger, budgets=budgets)) as (
        runtime,
        _,
    ):
        answer = await runtime.gateway.complete(chat_request())
    assert [target for target, _ in budgets.reserved] == ["quick", "failing", "steady"]
    assert len(budgets.released) == 2
    assert ledger.only.target == "steady"
    assert answer.lease.routed_by == "daily"


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
async def test_a_request_with_a_maximum_of_its_own_keeps_it(
    tmp_path: Path, ledger: RememberingLedger, field: str
) -> None:
    budgets = RememberingBudgets(lambda request, target: Lease(max_output_tokens=2))
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger, budgets=budgets)) as (
        runtime,
        _,
    ):
        await runtime.gateway.complete(chat_request("a " * 50, fields={field: 5}))
        await runtime.gateway.complete(chat_request("a " * 50))
    first, second = ledger.entries
    assert first.tokens["output_tokens"] == 5
    assert second.tokens["output_tokens"] == 2


async def test_a_cache_hit_is_an_entry_that_cost_nothing_and_saved_its_price(
    tmp_path: Path, ledger: RememberingLedger, redis_url: Any
) -> None:
    with_redis = Settings(home=tmp_path / "home", redis_url=redis_url, cache_ttl_seconds=60)
    async with started_runtime(with_redis, parts=Parts(ledger=ledger)) as (runtime, telemetry):
        await runtime.gateway.complete(chat_request(f"again {tmp_path}"))
        await runtime.gateway.complete(chat_request(f"again {tmp_path}"))
        stream = await runtime.gateway.stream(chat_request(f"once more {tmp_path}", stream=True))
        async for _ in stream:
            pass
        stream = await runtime.gateway.stream(chat_request(f"once more {tmp_path}", stream=True))
        await stream.aclose()
        saved = telemetry.value(names.SAVED, gaugeway_saved_by="response_cache")
    paid, hit, streamed, replayed = ledger.entries
    assert (hit.cache_hit, hit.cost, hit.tokens) == (True, 0, {})
    assert hit.saved_by_response_cache == paid.cost
    assert replayed.saved_by_response_cache == streamed.cost
    assert paid.cost is not None
    assert streamed.cost is not None
    assert saved == pytest.approx(float(Decimal(paid.cost + streamed.cost).scaleb(-12)))


async def test_an_unpriced_model_is_entered_without_a_cost_unless_it_is_refused(
    tmp_path: Path, ledger: RememberingLedger
) -> None:
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger)) as (runtime, _):
        await runtime.gateway.complete(chat_request(model="unpriced"))
    assert ledger.only.cost is None
    refusing = settings(tmp_path, unpriced="refuse")
    async with started_runtime(refusing, parts=Parts(ledger=ledger)) as (runtime, _):
        with pytest.raises(ModelUnpriced, match="nobody-knows-its-price") as refusal:
            await runtime.gateway.complete(chat_request(model="unpriced"))
        await runtime.gateway.complete(chat_request())
    assert isinstance(refusal.value, PermissionDenied)
    assert len(ledger.entries) == 2


async def test_without_a_ledger_requests_stop_only_where_the_operator_wants_it(
    tmp_path: Path, ledger: RememberingLedger
) -> None:
    ledger.available = False
    async with started_runtime(settings(tmp_path), parts=Parts(ledger=ledger)) as (runtime, _):
        await runtime.gateway.complete(chat_request())
    stopping = settings(tmp_path, ledger_when_unavailable="stop")
    async with started_runtime(stopping, parts=Parts(ledger=ledger)) as (runtime, _):
        with pytest.raises(LedgerUnavailable):
            await runtime.gateway.complete(chat_request())
        with pytest.raises(LedgerUnavailable):
            await runtime.gateway.stream(chat_request(stream=True))
    assert len(ledger.entries) == 1
