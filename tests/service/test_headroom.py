"""What providers still allow, as metrics: the last word on each limit, while it is fresh."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel import names
from otel.testing import recorded
from service.errors import ProviderRateLimited
from service.headroom import KEPT_SECONDS, Headroom
from service.providers.control import SimulateControl
from service.rate_limits import RateLimit
from service.targets import Target, load_targets
from tests.service.gateway_under_test import chat_request, started_runtime
from tests.service.running import settings_for

TARGETS = """
targets:
  limited:
    provider: simulated
    options: {latency_ms: 0, token_ms: 0, retry_after: 0, rate_limits: {requests: 50}}
    retries: {attempts: 1}
    models: {simulated: {}}
"""


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def target(tmp_path: Path) -> Target:
    file = tmp_path / "targets.yaml"
    file.write_text(TARGETS)
    [found] = load_targets(file, credentials={}).models["simulated"]
    return found


def test_the_last_word_on_each_limit_is_told_until_it_is_old(tmp_path: Path) -> None:
    clock, asked = Clock(), target(tmp_path)
    with recorded() as telemetry:
        headroom = Headroom(telemetry.telemetry.instruments, now=clock)
        headroom.register()
        headroom.note(asked, [RateLimit("requests", 40, 50), RateLimit("tokens", 7)])
        headroom.note(asked, [RateLimit("requests", 39, 50)])
        headroom.note(asked, [])
        labels = {
            "gen_ai_provider_name": asked.provider_name,
            "gen_ai_request_model": "simulated",
            "gaugeway_target": "limited",
        }
        remaining = names.RATE_LIMIT_REMAINING
        for kind, left in (("requests", 39), ("tokens", 7)):
            assert telemetry.value(remaining, gaugeway_rate_limit_kind=kind, **labels) == left, kind
        [limit] = telemetry.metrics()[names.RATE_LIMIT.name]
        assert (limit.value, limit.attributes["gaugeway.rate_limit.kind"]) == (50, "requests")
        clock.seconds += KEPT_SECONDS
        assert telemetry.value(remaining) == 46
        clock.seconds += 1
        assert not telemetry.metrics().get(remaining.name)
        assert not telemetry.metrics().get(names.RATE_LIMIT.name)


async def test_answers_streams_and_refusals_are_all_heard(tmp_path: Path, redis_url: str) -> None:
    settings = settings_for(tmp_path, redis_url)
    async with started_runtime(settings, targets=TARGETS) as (runtime, telemetry):

        def left() -> float:
            return telemetry.value(names.RATE_LIMIT_REMAINING, gaugeway_rate_limit_kind="requests")

        await runtime.gateway.complete(chat_request())
        assert left() == 49
        stream = await runtime.gateway.stream(chat_request(stream=True))
        assert left() == 48
        await stream.aclose()
        with pytest.raises(ProviderRateLimited):
            await runtime.gateway.complete(chat_request(simulate=SimulateControl(status=429)))
        assert left() == 0
        assert telemetry.metrics()[names.RATE_LIMIT_REMAINING.name]
