"""From an operator's key to a request's spans, with real requests and the real ledger."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import expect

from service.ledger.documents import Notable, Usage
from tests.ledger.servers import programs, server
from tests.page import tempo
from tests.page.browser import visit
from tests.page.conftest import PageUnderTest
from tests.service.running import RunningService, running, settings_for, wait_for

TARGETS = """
targets:
  quick:
    provider: simulated
    options: {seed: 7, latency_ms: 5, token_ms: 0}
    models:
      simulated:
        prices: {input: "0.40", cache_read: "0.10", output: "1.60"}
      dear:
        model: simulated
        prices: {input: "400", output: "1600"}
      unpriced: {model: nobody-knows-its-price}
  failing:
    provider: simulated
    options: {seed: 11, latency_ms: 0, faults: {status: {503: 1.0}}}
    retries: {attempts: 1}
    models:
      down: {model: simulated, prices: {input: "0.40", output: "1.60"}}
"""


def test_an_operator_logs_in_and_follows_the_dearest_request(
    tmp_path: Path, page: PageUnderTest
) -> None:
    page.tempo.answer(tempo.chat_trace())
    # A ledger that nobody else writes to.
    with server(programs()["embedded"], tmp_path / "redis") as redis:
        settings = settings_for(tmp_path / "home", redis.url, tempo_url=page.tempo.url)
        with running(settings, targets=TARGETS) as service:
            _follow_the_dearest(service, page)


def _follow_the_dearest(service: RunningService, page: PageUnderTest) -> None:
    dearest = send_requests(service)
    wait_for(lambda: ledger(service)[0].totals.requests == 8, "the ledger to have them all")
    told, notable = ledger(service)
    key = (service.runtime.settings.home / "dev-admin-key").read_text().strip()
    with visit(page.browser, service.url) as seen:
        seen.expected = ("401",)
        assert seen.open("/admin/monitoring") == 200
        seen.page.get_by_label("API key of the role admin").fill(key)
        seen.page.keyboard.press("Enter")
        seen.page.wait_for_url(f"{service.url}/admin/monitoring")
        totals = told.totals
        assert totals.unpriced_requests == 1
        assert totals.errors == 1
        assert totals.cache_hits == 1
        assert seen.exact("#cost-today") == [totals.cost_usd]
        assert Decimal(totals.cost_usd) > 0
        assert seen.exact("#requests-today") == [str(totals.requests)]
        assert seen.exact("#errors-today") == ["1"]
        assert seen.exact("#cache-today") == ["1"]
        assert seen.exact("#saved-today") == [totals.saved_usd]
        assert seen.exact("#users-today") == [str(told.users)]
        assert "No known price: 1 of 8 requests today" in seen.text("#notices")
        for model, group in told.by_model.items():
            row = f'[data-breakdown="model"] tr[data-key="{model}"]'
            assert str(group.requests) in seen.exact(row)
        rows = seen.page.locator("#requests-dearest tbody tr")
        assert rows.count() == len(notable.dearest)
        assert rows.first.get_attribute("data-key") == dearest
        expect(seen.page.locator("#requests-failed")).to_contain_text("dev · chat")
        # There is no Grafana here, so the page's own waterfall is the only way.
        assert seen.page.get_by_role("link", name="Grafana").count() == 0
        seen.keep("monitoring-real-requests")
        rows.first.get_by_role("link").click()
        seen.page.wait_for_url(f"**/admin/traces/{dearest}")
        assert page.tempo.asked[-1] == f"/api/traces/{dearest}"
        seen.page.get_by_role("link", name="Operations").click()
        seen.page.get_by_role("button", name="Log out").click()
        seen.page.wait_for_url("**/admin/login")
        seen.open("/admin/monitoring")
        assert "/admin/login" in seen.page.url


def send_requests(service: RunningService) -> str:
    """Eight requests of every kind; the trace id of the dearest one."""
    cached = {"cache-control": "max-age=60"}
    for content in ("one", "two", "two"):
        assert service.chat(content, cached if content == "two" else None).status == 200
    assert service.chat("three", user="alice", stream=True).status == 200
    assert service.chat("four", user="bob").status == 200
    assert service.chat(model="unpriced").status == 200
    assert service.chat(model="down").status == 503
    dear = service.chat("five", model="dear")
    assert dear.status == 200
    return dear.headers["x-trace-id"]


def ledger(service: RunningService) -> tuple[Usage, Notable]:
    """What the ledger itself tells, asked on the service's own loop."""
    reader = service.runtime.books.reader

    async def ask() -> tuple[Usage, Notable]:
        return await reader.usage("today"), await reader.notable(10)

    return asyncio.run_coroutine_threadsafe(ask(), service.loop).result(10)
