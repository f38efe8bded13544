"""The page keeps itself up to date, and whoever reads it is not disturbed."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import Page, Route, expect

from service.ledger.documents import Notable
from tests.page import samples
from tests.page.conftest import PageUnderTest
from tests.page.serving import Figures

WATCH = """() => {
    window.changes = [];
    new MutationObserver(seen => window.changes.push(...seen.map(one => one.type)))
        .observe(document.getElementById('content'),
                 {subtree: true, childList: true, characterData: true, attributes: true});
}"""


def later(figures: Figures, cost: str = "8.5") -> None:
    """A minute later more was spent, and another request is the dearest."""
    figures.now += timedelta(minutes=1)
    figures.today = figures.today.model_copy(
        update={"totals": figures.today.totals.model_copy(update={"cost_usd": cost})}
    )
    newest = samples.request(20, cost_usd="1.25", model="the-newest")
    figures.hour = Notable(
        dearest=(newest, *figures.hour.dearest[:9]),
        slowest=figures.hour.slowest,
        failed=figures.hour.failed,
    )


def test_after_a_minute_the_figures_are_new(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.page.clock.install()
        visit.open("/admin/monitoring")
        expect(visit.page.locator("#updated-at")).to_have_text("14:36:05 UTC")
        later(page.figures)
        visit.page.clock.fast_forward(59_000)
        assert not [url for url in visit.requests if "fragment" in url]
        visit.page.clock.fast_forward(2_000)
        expect(visit.page.locator("#cost-today")).to_contain_text("$8.50")
        expect(visit.page.locator("#updated-at")).to_have_text("14:37:05 UTC")
        later(page.figures, "9.25")
        visit.page.clock.fast_forward(61_000)
        expect(visit.page.locator("#cost-today")).to_contain_text("$9.25")


def test_focus_scroll_and_what_was_opened_survive_a_refresh(page: PageUnderTest) -> None:
    focused = "document.activeElement.getAttribute('href')"
    with page.visit() as visit:
        visit.open("/admin/monitoring?by=app")
        visit.page.click("#breakdown-app summary")
        visit.page.click("#breakdown-model summary")
        visit.page.click("#chart-app .show-table")
        visit.page.evaluate("document.getElementById('table-app').scrollTop = 120")
        link = visit.page.locator("#requests-dearest tbody tr").nth(1).locator("a").first
        link.focus()
        visit.page.evaluate("window.kept = document.activeElement")
        before = visit.page.evaluate(focused)
        place = visit.page.evaluate("window.scrollY")
        assert place > 0
        later(page.figures)
        # By the timer's own way, as a click on the button would take the focus.
        visit.page.clock.install()
        visit.page.evaluate("document.getElementById('refresh-now').click()")
        expect(visit.page.locator("#cost-today")).to_contain_text("$8.50")
        expect(visit.page.locator("#requests-dearest tbody tr").first).to_contain_text("the-newest")
        assert visit.page.evaluate("document.activeElement === window.kept")
        assert visit.page.evaluate(focused) == before
        assert visit.page.evaluate("document.getElementById('breakdown-app').open")
        assert not visit.page.evaluate("document.getElementById('breakdown-model').open")
        assert visit.page.locator("#table-app").is_visible()
        assert visit.page.evaluate("document.getElementById('table-app').scrollTop") == 120
        assert visit.page.locator("#chart-app").is_visible()
        assert abs(visit.page.evaluate("window.scrollY") - place) < 80


def test_a_refresh_that_brings_nothing_new_touches_nothing(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        _refresh(visit.page)  # Times of the checks in the list of parts may have passed.
        page.figures.now += timedelta(seconds=20)
        visit.page.evaluate(WATCH)
        _refresh(visit.page)
        expect(visit.page.locator("#updated-at")).to_have_text("14:36:25 UTC")
        parts = visit.page.evaluate("window.changes.length")
        assert parts <= 12, "only the parts' times and latencies may differ"
        assert "childList" not in visit.page.evaluate("window.changes")


def test_the_chart_is_updated_in_place(page: PageUnderTest) -> None:
    chart = "Chart.getChart(document.querySelector('[data-chart-of=model] canvas'))"
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        visit.page.evaluate(f"window.kept = {chart}")
        *before, last = page.figures.days
        group = {"gpt-4.1": samples.totals("77.5")}
        page.figures.days = (*before, last.model_copy(update={"by_model": group}))
        _refresh(visit.page)
        assert visit.page.evaluate(f"{chart}.data.datasets[0].data.at(-1)") == 77.5
        assert visit.page.evaluate(f"window.kept === {chart}")


def test_a_paused_page_stays_as_it_is_until_it_is_resumed(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.page.clock.install()
        visit.open("/admin/monitoring")
        button = visit.page.get_by_role("button", name="Pause updates")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(visit.page.get_by_role("status")).to_have_text("Paused")
        later(page.figures)
        visit.page.clock.fast_forward(600_000)
        expect(visit.page.locator("#cost-today")).to_contain_text("$7.32")
        assert not [url for url in visit.requests if "fragment" in url]
        button.click()
        expect(visit.page.locator("#cost-today")).to_contain_text("$8.50")
        expect(visit.page.get_by_role("status")).to_have_text("")


def test_when_an_update_fails_the_old_figures_stay_and_are_called_old(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.expected = ("Failed to load resource",)
        visit.open("/admin/monitoring")
        visit.page.route("**/admin/monitoring?fragment=1", lambda route: route.abort())
        visit.page.click("#refresh-now")
        notice = visit.page.locator("#stale")
        expect(notice).to_be_visible()
        expect(notice).to_contain_text("They were right at 14:36:05 UTC")
        expect(visit.page.get_by_role("status")).to_have_text("Not up to date")
        expect(visit.page.locator("#cost-today")).to_contain_text("$7.32")
        visit.keep("stale")

        def busy(route: Route) -> None:
            route.fulfill(status=503, body="{}")

        visit.page.unroute("**/admin/monitoring?fragment=1")
        visit.page.route("**/admin/monitoring?fragment=1", busy)
        visit.page.click("#refresh-now")
        expect(notice).to_contain_text("the service answered 503")
        visit.page.unroute("**/admin/monitoring?fragment=1")
        later(page.figures)
        visit.page.click("#refresh-now")
        expect(notice).to_be_hidden()
        expect(visit.page.locator("#cost-today")).to_contain_text("$8.50")
        expect(visit.page.get_by_role("status")).to_have_text("")


def test_an_ended_session_leads_to_the_login_and_back(page: PageUnderTest) -> None:
    with page.visit(signed_in=False) as visit:
        visit.expected = ("401",)
        visit.open("/admin/monitoring?by=app")
        assert "/admin/login" in visit.page.url
        visit.page.get_by_label("API key of the role admin").fill(page.key)
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_url("**/admin/monitoring?by=app")
        visit.context.clear_cookies()
        visit.page.click("#refresh-now")
        visit.page.wait_for_url("**/admin/login?next=**")
        expect(visit.page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_page_that_comes_back_from_the_background_is_brought_up_to_date(
    page: PageUnderTest,
) -> None:
    hide = """hidden => {
        Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    with page.visit() as visit:
        visit.page.clock.install()
        visit.open("/admin/monitoring")
        visit.page.evaluate(hide, True)
        later(page.figures)
        # The clock jumps without a timer having run, as in a sleeping laptop.
        visit.page.clock.set_system_time(samples.NOW + timedelta(days=3650))
        visit.page.evaluate(hide, False)
        expect(visit.page.locator("#cost-today")).to_contain_text("$8.50")


def _refresh(page: Page) -> None:
    with page.expect_response("**/admin/monitoring?fragment=1") as answer:
        page.click("#refresh-now")
    answer.value.finished()
    expect(page.locator("#refresh-now")).not_to_have_attribute("aria-busy", "true")
