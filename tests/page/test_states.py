"""The page when nothing was asked yet, when something is down, and without scripts."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.ledger.servers import Server, programs, server
from tests.page.browser import Visit, visit
from tests.page.conftest import PageUnderTest
from tests.page.serving import Figures, empty
from tests.service.running import RunningService, running, settings_for, wait_for


def test_without_a_request_the_page_says_how_to_send_one(page: PageUnderTest) -> None:
    page.show(empty())
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        told = visit.text("#empty")
        assert f"curl {page.service.url}/v1/chat/completions" in told
        assert '"model": "simulated"' in told
        assert visit.text("#requests-today") == "0"
        assert "Nothing was spent in these 30 days" in visit.text("#history")
        assert "No request failed in the last hour." in visit.text("#requests-failed")


def test_the_request_the_empty_page_shows_is_answered(page: PageUnderTest) -> None:
    page.show(empty())
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        body = visit.text("#empty pre").split("-d '")[1].rstrip("'").encode()
    headers = {"content-type": "application/json"}
    answer = page.service.request("POST", "/v1/chat/completions", body, headers)
    assert answer.status == 200, answer.body


def test_before_it_is_drawn_the_chart_has_a_skeleton(page: PageUnderTest) -> None:
    with page.visit() as visit:
        # The library does not arrive until the page was looked at.
        waiting: list[Route] = []
        visit.page.route("**/vendor/**", lambda route: waiting.append(route))  # noqa: PLW0108 - Playwright needs a Python function
        visit.page.goto(f"{visit.host}/admin/monitoring", wait_until="commit")
        box = visit.page.locator('[data-chart-of="model"]')
        expect(box).to_be_visible()
        assert box.locator("canvas").count() == 0
        shown = box.evaluate("box => getComputedStyle(box).backgroundImage")
        assert "gradient" in shown
        expect(visit.page.locator("#cost-today")).to_contain_text("$7.32")
        for route in waiting:
            route.continue_()
        expect(box.locator("canvas")).to_be_visible()


def test_where_the_library_does_not_load_the_numbers_are_shown(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.expected = ("Failed to load resource",)
        visit.page.route("**/vendor/**", lambda route: route.abort())
        visit.open("/admin/monitoring")
        expect(visit.page.locator("#table-model")).to_be_visible()


def test_without_scripts_tables_stand_in_and_the_page_refreshes_itself(page: PageUnderTest) -> None:
    with page.visit(java_script_enabled=False) as visit:
        visit.open("/admin/monitoring")
        expect(visit.page.locator("#table-model")).to_be_visible()
        expect(visit.page.locator("#table-app")).to_be_hidden()
        for part in ('[data-chart-of="model"]', "#pause", "#refresh-now", ".show-table"):
            assert visit.page.locator(f"{part}:visible").count() == 0, part
        # What the browser does with it is in its own tests; a script could not be asked here.
        assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in (
            visit.page.content()
        )
        visit.page.get_by_role("link", name="By app").click()
        expect(visit.page.locator("#table-app")).to_be_visible()
        visit.keep("monitoring-without-scripts")


def test_budgets_that_cannot_be_read_leave_the_rest_of_the_page(page: PageUnderTest) -> None:
    page.show(Figures(budgets_available=False))
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        assert "budgets cannot be shown" in visit.text("#notices")
        assert "Its budget is not known." in visit.text("#today")
        expect(visit.page.locator("#cost-today")).to_contain_text("$7.32")


def test_what_waits_in_a_journal_is_said(page: PageUnderTest) -> None:
    page.show(Figures(waiting=37))
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        assert "37 requests not in these figures yet" in visit.text("#notices")


def test_a_page_that_breaks_and_mends_while_it_is_open(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        page.figures.available = False
        visit.page.click("#refresh-now")
        expect(visit.page.locator("#notices")).to_contain_text("Redis does not answer")
        assert visit.page.locator("canvas").count() == 0
        page.figures.available = True
        visit.page.click("#refresh-now")
        expect(visit.page.locator("#notices")).not_to_contain_text("Redis does not answer")
        expect(visit.page.locator("#chart-model canvas")).to_be_visible()


def test_days_that_the_ledger_does_not_keep_are_not_shown_as_free(
    tmp_path: Path, redis_url: str, page: PageUnderTest
) -> None:
    settings = settings_for(tmp_path, redis_url, ledger_days=7)
    with (
        running(settings) as service,
        visit(page.browser, service.url, key=_admin(service)) as seen,
    ):
        seen.open("/admin/monitoring")
        assert "7 days" in seen.text("#history-title")
        assert seen.page.locator('[data-days="model"] tbody tr').count() == 7


@pytest.fixture
def own_redis(tmp_path: Path) -> Generator[Server]:
    with server(programs()["embedded"], tmp_path / "redis") as found:
        yield found


def test_a_real_redis_that_dies_takes_the_figures_and_brings_them_back(
    tmp_path: Path, own_redis: Server, page: PageUnderTest
) -> None:
    with (
        running(settings_for(tmp_path / "home", own_redis.url)) as service,
        visit(page.browser, service.url, key=_admin(service)) as seen,
    ):
        assert service.chat().status == 200
        wait_for(lambda: _requests(seen) == ["1"], "a figure")
        own_redis.kill()
        seen.page.click("#refresh-now")
        expect(seen.page.locator("#notices")).to_contain_text("Redis does not answer")
        expect(seen.page.locator("#notices")).to_contain_text("See that Redis runs")
        expect(seen.page.locator("#budgets")).to_contain_text("is not known")
        assert seen.open("/admin/monitoring") == 200
        wait_for(lambda: "down" in _state_of_redis(seen), "the check")
        seen.keep("monitoring-redis-down")
        assert service.chat().status == 200
        own_redis.start()
        wait_for(lambda: _requests(seen) == ["2"], "both requests", 30)


def _admin(service: RunningService) -> str:
    return (service.runtime.settings.home / "dev-admin-key").read_text().strip()


def _requests(seen: Visit) -> list[str]:
    """How many requests the page tells of now; none while it cannot tell."""
    seen.open("/admin/monitoring")
    return seen.exact("#requests-today")


def _state_of_redis(seen: Visit) -> str:
    seen.open("/admin/monitoring")
    return seen.text('#parts li[data-key="redis"]')
