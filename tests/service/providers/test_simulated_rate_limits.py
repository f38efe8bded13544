"""The simulated provider tells of limits as real ones do, and never refuses by them."""

from __future__ import annotations

import pytest

from service.errors import ProviderRateLimited
from service.providers.simulated.options import SimulatedOptions
from service.providers.simulated.provider import SimulatedProvider
from service.rate_limits import RateLimit
from tests.service.providers import wire
from tests.service.providers.simulated_calls import Naps, asked, embed


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.seconds = 120.0

    def __call__(self) -> float:
        return self.seconds


def limited(clock: Clock, **limits: int) -> SimulatedProvider:
    options = SimulatedOptions.model_validate({"rate_limits": limits})
    return SimulatedProvider(options, sleep=Naps(), now=clock)


async def test_each_answer_leaves_less_until_the_minute_is_over() -> None:
    clock = Clock()
    provider = limited(clock, requests=3, tokens=100_000)
    answer = await provider.complete(wire.chat())
    used = answer.usage.total_tokens if answer.usage else 0
    assert used > 0
    assert answer.rate_limits == (
        RateLimit("requests", 2, 3),
        RateLimit("tokens", 100_000 - used, 100_000),
    )
    [first, *others] = await wire.drained(provider, wire.chat())
    assert first.rate_limits[0] == RateLimit("requests", 1, 3)
    assert not any(chunk.rate_limits for chunk in others)
    for _ in range(2):
        told = (await provider.complete(embed("a"))).rate_limits
        assert told[0] == RateLimit("requests", 0, 3)
    clock.seconds += 60
    assert (await provider.complete(wire.chat())).rate_limits[0] == RateLimit("requests", 2, 3)


async def test_a_429_on_order_says_that_no_request_is_left() -> None:
    provider = limited(Clock(), requests=3)
    with pytest.raises(ProviderRateLimited) as refused:
        await provider.complete(asked(wire.chat(), status=429))
    assert refused.value.rate_limits == (RateLimit("requests", 0, 3),)


async def test_without_limits_nothing_is_told() -> None:
    provider = limited(Clock())
    assert (await provider.complete(wire.chat())).rate_limits == ()
    with pytest.raises(ProviderRateLimited) as refused:
        await provider.complete(asked(wire.chat(), status=429))
    assert refused.value.rate_limits == ()
