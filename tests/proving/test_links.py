"""A link is filled in with a row that is there, and followed to what it leads to."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web

from cli.proving.answers import Backends
from cli.proving.dashboards import Dashboard, dashboards_in
from cli.proving.finding import Finding
from cli.proving.links import BrokenLinkError, field_of, link_checks, links_of, place_of
from grafana.dashboards import build
from grafana.dashboards.links import explore_url
from grafana.dashboards.panel_ids import panel_id

TRACE = "0af7651916cd43dd8448eb211c80319c"
DASHBOARDS = dashboards_in(build.FOLDER)


class FakeBackends:
    """All three, which know one trace, and answer every metric with one row of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        query = request.query.get("query") or request.query.get("q") or ""
        self.asked.append(query or request.path)
        if request.path.startswith("/api/traces/"):
            known = request.path.endswith(TRACE)
            spans: dict[str, Any] = {"batches": [{"scopeSpans": [{"spans": [{}]}]}]}
            return web.json_response(spans if known else {}, status=200 if known else 404)
        if request.path == "/api/search":
            return web.json_response({"traces": [{}] if "gpt" in query else []})
        if TRACE in query:
            return web.json_response(_result({"stream": {}, "values": [["1", "line"]]}))
        row = {"metric": {"gen_ai_request_model": "gpt", "trace_id": TRACE}, "value": [1, "2"]}
        return web.json_response(_result(row))


def _result(row: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"result": [row]}}


@pytest.fixture
async def fake() -> AsyncGenerator[tuple[FakeBackends, Backends]]:
    backends, app = FakeBackends(), web.Application()
    app.router.add_get("/{path:.*}", backends.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        yield (
            backends,
            Backends(session, dict.fromkeys(("prometheus", "loki", "tempo"), url)),
        )
    await runner.cleanup()


def dashboard(url: str, column: str = "Model") -> Dashboard:
    """One whose table shows a column of models and of traces, with a link."""
    link = {"id": "links", "value": [{"title": "there", "url": url}]}
    panel = {
        "id": 1,
        "type": "table",
        "title": "Models",
        "targets": [
            {"refId": "A", "datasource": {"uid": "prometheus"}, "expr": "x", "instant": True}
        ],
        "transformations": [
            {
                "id": "organize",
                "options": {"renameByName": {"gen_ai_request_model": "Model", "trace_id": "Trace"}},
            }
        ],
        "fieldConfig": {
            "overrides": [{"matcher": {"id": "byName", "options": column}, "properties": [link]}]
        },
    }
    document: dict[str, Any] = {
        "uid": "here",
        "title": "Here",
        "time": {"from": "now-1h"},
        "templating": {"list": []},
        "panels": [panel],
    }
    return Dashboard("here", document)


async def followed(one: Dashboard, backends: Backends) -> Finding:
    [check] = link_checks((one,), backends, lambda: 1_000_000.0)
    return await check()


async def test_a_link_to_a_trace_gets_the_id_of_a_row(fake: tuple[FakeBackends, Backends]) -> None:
    url = explore_url("tempo", {"query": "${__value.raw}"})
    finding = await followed(dashboard(url, "Trace"), fake[1])
    assert (finding.outcome, finding.how) == ("proven", "1 spans of one trace")
    assert fake[0].asked[-1] == f"/api/traces/{TRACE}"


async def test_a_link_to_a_trace_that_nobody_kept_fails(
    fake: tuple[FakeBackends, Backends],
) -> None:
    url = explore_url("tempo", {"query": "0" * 31 + "1"})
    finding = await followed(dashboard(url), fake[1])
    assert finding.outcome == "failed"
    assert "tempo finds nothing" in finding.how


async def test_a_search_for_traces_gets_the_value_of_a_row(
    fake: tuple[FakeBackends, Backends],
) -> None:
    url = explore_url("tempo", {"query": '{ span.model = "${__value.raw}" }'})
    assert (await followed(dashboard(url), fake[1])).outcome == "proven"
    assert fake[0].asked[-1] == '{ span.model = "gpt" }'


async def test_a_link_to_log_lines_is_asked_of_loki(fake: tuple[FakeBackends, Backends]) -> None:
    url = explore_url("loki", {"expr": '{a=~".+"} | trace_id="${__value.raw}"'})
    finding = await followed(dashboard(url, "Trace"), fake[1])
    assert finding.how == "1 streams of log lines"


async def test_a_column_that_no_row_has_fails(fake: tuple[FakeBackends, Backends]) -> None:
    url = explore_url("tempo", {"query": "${__value.raw}"})
    finding = await followed(dashboard(url, "Nothing"), fake[1])
    assert finding.outcome == "failed"
    assert "no row has a Nothing" in finding.how


async def test_a_link_into_a_backend_that_is_not_ours_fails(
    fake: tuple[FakeBackends, Backends],
) -> None:
    url = f"/explore?left={quote(json.dumps({'datasource': 'x', 'queries': [{'query': 'y'}]}))}"
    assert (await followed(dashboard(url), fake[1])).outcome == "failed"


def test_a_panels_address_leads_to_it() -> None:
    title = "Cost per hour"
    url = f"http://localhost:3000/d/cost-and-budgets?viewPanel={panel_id(title)}&var-app=a"
    assert place_of(DASHBOARDS, url).endswith(f", {title}")


@pytest.mark.parametrize(
    "url", ["/d/nowhere", "/d/slos?viewPanel=1", "/elsewhere", "https://example.com/"]
)
def test_an_address_that_leads_nowhere_is_refused(url: str) -> None:
    with pytest.raises(BrokenLinkError):
        place_of(DASHBOARDS, url)


def test_every_link_that_is_written_down_is_followed() -> None:
    for one in DASHBOARDS:
        written = json.dumps(one.document).count('"url": "')
        assert len(list(links_of(one))) == written - _menus(one), one.uid


def _menus(one: Dashboard) -> int:
    return sum(1 for link in one.document.get("links") or () if "url" in link)


def test_a_columns_label_is_what_is_renamed_to_it() -> None:
    [panel] = dashboard("").panels
    assert field_of(panel, "Trace") == "trace_id"
    assert field_of(panel, "other") == "other"
