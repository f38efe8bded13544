from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from service.errors import (
    ProviderError,
    ProviderFailed,
    ProviderInvalidResponse,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderStreamInterrupted,
    ProviderTimeout,
    ProviderUnauthorized,
    ProviderUnreachable,
)
from service.providers.protocol import Call, Timeouts
from service.providers.simulated.options import FaultRates
from service.providers.simulated.provider import SimulatedProvider, simulated
from service.targets import TargetsError
from tests.service.providers import wire
from tests.service.providers.simulated_calls import Naps, asked, embed, plain, provider

FAULTS: list[tuple[dict[str, Any], type[ProviderError]]] = [
    ({"status": 400}, ProviderRejected),
    ({"status": 401}, ProviderUnauthorized),
    ({"status": 402}, ProviderQuotaExhausted),
    ({"status": 429}, ProviderRateLimited),
    ({"status": 500}, ProviderFailed),
    ({"status": 503}, ProviderOverloaded),
    ({"down": True}, ProviderUnreachable),
    ({"malformed": True}, ProviderInvalidResponse),
    ({"cut_after": 2}, ProviderStreamInterrupted),
    ({"hang": True}, ProviderTimeout),
]


class TestFaultsOnOrder:
    @pytest.mark.parametrize(("wishes", "kind"), FAULTS)
    async def test_each_fault_is_the_error_a_real_provider_would_cause(
        self, wishes: dict[str, Any], kind: type[ProviderError]
    ) -> None:
        for call in (wire.chat(), embed("x")):
            with pytest.raises(ProviderError) as caught:
                await provider().complete(asked(call, **wishes))
            assert type(caught.value) is kind
            assert caught.value.upstream_status == wishes.get("status", _status_of(kind))
        with pytest.raises(ProviderError) as caught:
            await wire.drained(provider(), asked(wire.chat(), **wishes))
        assert type(caught.value) is kind

    async def test_times_counts_the_requests_attempts_without_memory(self) -> None:
        one = provider()
        for _ in range(2):
            for attempt in (1, 2):
                with pytest.raises(ProviderRateLimited):
                    await one.complete(asked(wire.chat(), attempt, status=429, times=2))
            await one.complete(asked(wire.chat(), 3, status=429, times=2))

    async def test_a_fault_may_be_meant_for_one_target_only(self) -> None:
        with pytest.raises(ProviderOverloaded):
            await provider().complete(asked(wire.chat(), status=503, target="upstream"))
        await provider().complete(asked(wire.chat(), status=503, target="other"))

    async def test_retry_after_is_as_ordered_or_as_set(self) -> None:
        orders: list[tuple[dict[str, Any], float]] = [({}, 1.0), ({"retry_after": 0.25}, 0.25)]
        for wishes, wanted in orders:
            with pytest.raises(ProviderRateLimited) as caught:
                await provider().complete(asked(wire.chat(), status=429, **wishes))
            assert caught.value.retry_after == wanted

    async def test_a_cut_stream_breaks_after_so_many_chunks(self) -> None:
        chunks, error = await wire.until_error(provider(), asked(wire.chat(), cut_after=3))
        assert isinstance(error, ProviderStreamInterrupted)
        assert len(chunks) == 3

    async def test_a_stream_may_hang_after_so_many_chunks(self) -> None:
        naps = Naps()
        call = replace(wire.chat(), timeout=Timeouts(connect=1, read=7, total=60))
        chunks, error = await wire.until_error(provider(naps), asked(call, cut_after=3, hang=True))
        assert len(chunks) == 3
        assert isinstance(error, ProviderTimeout)
        assert error.timeout_kind == "read"
        assert naps.seconds[-1] == 7

    async def test_a_hang_meets_the_deadline_where_that_is_nearer(self) -> None:
        naps = Naps()
        call = replace(wire.chat(), timeout=Timeouts(connect=1, read=60, total=7))
        with pytest.raises(ProviderTimeout) as caught:
            await provider(naps).complete(asked(call, hang=True))
        assert caught.value.timeout_kind == "deadline"
        assert naps.total == 7

    async def test_latencies_are_as_ordered(self) -> None:
        naps = Naps()
        call = asked(wire.chat(), latency_ms=500, first_chunk_ms=300, chunk_ms=20)
        chunks = await wire.drained(provider(naps), call)
        assert naps.seconds[:2] == [0.5, 0.3]
        assert naps.seconds[2:] == [0.02] * sum(1 for item in chunks if item.content)

    async def test_slow_chunks_add_up_to_the_total_timeout(self) -> None:
        naps = Naps()
        call = replace(wire.chat(), timeout=Timeouts(connect=1, read=5, total=10))
        with pytest.raises(ProviderTimeout) as caught:
            await wire.drained(provider(naps), asked(call, chunk_ms=4000))
        assert caught.value.timeout_kind == "deadline"
        assert naps.total == pytest.approx(10)

    async def test_another_seed_is_another_answer(self) -> None:
        one = await plain(asked(wire.chat(), seed=1))
        two = await plain(asked(wire.chat(), seed=2))
        assert one["choices"] != two["choices"]
        assert one == await plain(wire.chat(), seed=1)


def _status_of(kind: type[ProviderError]) -> int | None:
    return 200 if kind in (ProviderInvalidResponse, ProviderStreamInterrupted) else None


class TestFaultsByChance:
    async def outcomes(self, one: SimulatedProvider, count: int, call: Call) -> Counter[str]:
        found: Counter[str] = Counter()
        for _ in range(count):
            try:
                await one.complete(call)
                found["ok"] += 1
            except ProviderError as error:
                found[error.kind] += 1
        return found

    async def test_rates_are_met_and_the_same_again_for_the_same_seed(self) -> None:
        rates = FaultRates(status={429: 0.2, 500: 0.1}, down=0.1, malformed=0.1)
        found = await self.outcomes(provider(seed=5, faults=rates), 1000, embed("x"))
        assert found == await self.outcomes(provider(seed=5, faults=rates), 1000, embed("x"))
        assert found["rate_limited"] == pytest.approx(200, abs=50)
        assert found["failed"] == pytest.approx(100, abs=40)
        assert found["unreachable"] == pytest.approx(100, abs=40)
        assert found["invalid_response"] == pytest.approx(100, abs=40)

    async def test_no_rates_mean_no_faults(self) -> None:
        assert await self.outcomes(provider(), 200, embed("x")) == {"ok": 200}

    async def test_a_caller_who_asks_for_no_fault_gets_none(self) -> None:
        one = provider(faults=FaultRates(status={503: 1.0}))
        assert await self.outcomes(one, 5, asked(embed("x"), status=0)) == {"ok": 5}

    def test_an_option_that_does_not_exist_is_told_with_its_place(self) -> None:
        with pytest.raises(TargetsError, match=r"options is not valid:\n  faults\.status\.99"):
            simulated(
                wire.connection(None, provider="simulated", faults={"status": {99: 1}}),
                transport=None,  # pyright: ignore[reportArgumentType] - it takes none
            )
