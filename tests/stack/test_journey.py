from __future__ import annotations

import aiohttp
import pytest

from stack.journey import SIGNALS, Journey, JourneyError, Traveller, chosen_request
from stack.links import links
from stack.observations import BackendError, Prometheus, Tempo
from stack.settings import Settings
from tests.stack.backends import COST, TRACE_ID, Backends, serving
from tests.stack.conftest import MakeSettings


async def follow(settings: Settings, backends: Backends, bound: float = 1.0) -> Journey:
    async with serving(backends, settings), aiohttp.ClientSession() as session:
        traveller = Traveller(settings, session, bound)
        return await traveller.follow("key", chosen_request(control=True))


async def test_a_request_is_found_everywhere_and_its_cost_agrees(
    make_settings: MakeSettings,
) -> None:
    journey = await follow(make_settings(), Backends())
    assert journey.answer.trace_id == TRACE_ID
    assert [span.name for span in journey.spans] == [
        "POST /v1/chat/completions",
        "chat simulated",
    ]
    client = journey.spans[1]
    assert (client.parent, client.kind, client.service) == ("1", "CLIENT", "gaugeway")
    assert client.milliseconds == 800
    assert client.attributes["gen_ai.usage.input_tokens"] == 12
    assert client.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert journey.logs[0].fields["gaugeway_cost"] == COST
    assert (journey.metric.before, journey.metric.after) == (4.0, 5.0)
    assert journey.exemplar["labels"]["trace_id"] == TRACE_ID
    assert set(journey.visible_after) == set(SIGNALS)


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("span", "span: not in Tempo"),
        ("search", "span: not in Tempo"),
        ("log", "log: not in Loki"),
        ("metric", "metric: not in Prometheus"),
        ("exemplar", "exemplar: not in Prometheus"),
        ("cost", "cost: not in Prometheus"),
    ],
)
async def test_a_signal_that_does_not_come_is_named_after_its_bound(
    make_settings: MakeSettings, missing: str, named: str
) -> None:
    with pytest.raises(JourneyError) as failure:
        await follow(make_settings(), Backends(missing=frozenset({missing})), 0.5)
    assert str(failure.value).startswith(named)
    assert len(str(failure.value).splitlines()) == 1


async def test_all_missing_signals_are_named_at_once(make_settings: MakeSettings) -> None:
    with pytest.raises(JourneyError) as failure:
        await follow(make_settings(), Backends(missing=frozenset({"span", "log"})), 0.5)
    assert [line.split(":")[0] for line in str(failure.value).splitlines()] == ["span", "log"]


async def test_a_cost_that_does_not_agree_with_the_answer_is_an_error(
    make_settings: MakeSettings,
) -> None:
    with pytest.raises(JourneyError, match="the answer says"):
        await follow(make_settings(), Backends(counted=2 * 7.52e-05))


async def test_a_failed_request_is_not_followed(make_settings: MakeSettings) -> None:
    with pytest.raises(JourneyError, match="the service answered 503"):
        await follow(make_settings(), Backends(status=503))


async def test_a_backend_that_is_gone_is_named(make_settings: MakeSettings) -> None:
    settings = make_settings()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(BackendError, match="Prometheus does not answer"):
            await Prometheus(session, settings.url("prometheus")).query("up")
        with pytest.raises(BackendError, match="Tempo does not answer"):
            await Tempo(session, settings.url("tempo")).spans(TRACE_ID)


async def test_every_signal_has_a_link_with_and_without_grafana(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings()
    journey = await follow(settings, Backends())
    explore = links(settings, journey.queries, grafana=True)
    plain = links(settings, journey.queries, grafana=False)
    assert set(explore) == set(plain) == set(SIGNALS)
    assert all(link.startswith(f"{settings.url('grafana')}/explore?") for link in explore.values())
    assert plain["span"] == f"{settings.url('tempo')}/api/traces/{TRACE_ID}"
    assert TRACE_ID in plain["log"]
