from __future__ import annotations

import io
import json

import aiohttp
import pytest
from rich.console import Console

from cli.demo_keys import TRAFFIC_APPS, demo_keys
from cli.journey_view import journey_document, show_journey
from service.key_file import read_records
from service.keys import KeyStore
from stack.home import Home
from stack.journey import APP, SIGNALS, Journey, Traveller, chosen_request
from stack.links import links
from stack.settings import Settings
from tests.stack.backends import COST, TRACE_ID, Backends, serving
from tests.stack.conftest import free_ports


@pytest.fixture
def settings(home: Home) -> Settings:
    return Settings(environment="dev", home=home, ports=free_ports())


@pytest.fixture
async def journey(settings: Settings) -> Journey:
    async with serving(Backends(), settings), aiohttp.ClientSession() as session:
        return await Traveller(settings, session, 5.0).follow("k", chosen_request(control=True))


async def test_the_service_knows_each_demo_key_as_its_app(home: Home) -> None:
    home.prepare()
    store = KeyStore(home.path)
    keys = demo_keys(home)
    store.refresh()
    assert set(keys) == {*TRAFFIC_APPS, APP}
    for app, key in keys.items():
        assert (await store.authenticate(f"Bearer {key}")).app == app


def test_a_second_demo_uses_the_same_keys(home: Home) -> None:
    home.prepare()
    assert demo_keys(home) == demo_keys(home)
    assert len(read_records(home.path / "keys.json")) == len(TRAFFIC_APPS) + 1


def test_a_key_the_service_no_longer_knows_is_made_anew(home: Home) -> None:
    home.prepare()
    before = demo_keys(home)
    (home.path / "keys.json").unlink()
    after = demo_keys(home)
    assert not set(before.values()) & set(after.values())


async def test_a_person_sees_trace_spans_logs_cost_metric_and_links(
    journey: Journey, settings: Settings
) -> None:
    page = io.StringIO()
    addresses = links(settings, journey.queries, grafana=False)
    show_journey(Console(file=page, width=80, soft_wrap=True), journey, addresses)
    shown = page.getvalue()
    assert f"trace id  {TRACE_ID}" in shown
    assert "POST /v1/chat/completions 1000.0 ms at +0.0 ms  server" in shown
    assert "└─ chat simulated 800.0 ms at +100.0 ms  client  input=12  cost=0.0000752" in shown
    assert "usage recorded" in shown
    assert f"{COST} USD, as the answer says" in shown
    assert "4 → 5" in shown
    for signal in SIGNALS:
        assert addresses[signal] in shown


async def test_a_program_gets_the_same_as_one_object(journey: Journey, settings: Settings) -> None:
    addresses = links(settings, journey.queries, grafana=True)
    document = json.loads(json.dumps(journey_document(journey, addresses)))
    assert document["trace_id"] == TRACE_ID
    assert set(document["links"]) == set(document["visible_after_s"]) == set(SIGNALS)
    assert document["cost"]["usd"] == COST
    assert document["spans"][1]["parent"] == document["spans"][0]["id"]
    assert document["logs"][0]["fields"]["trace_id"] == TRACE_ID
    assert document["exemplar"]["trace_id"] == TRACE_ID
    assert document["metric"]["after"] > document["metric"]["before"]
