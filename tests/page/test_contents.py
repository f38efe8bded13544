"""What the page says is what the ledger and the budgets say."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from service.ledger.documents import Notable
from tests.page import samples
from tests.page.conftest import GRAFANA, PageUnderTest
from tests.page.serving import Figures

HOSTILE = samples.HOSTILE


def test_todays_figures_are_those_of_the_ledger(page: PageUnderTest) -> None:
    totals = page.figures.today.totals
    with page.visit() as visit:
        assert visit.open("/admin/monitoring") == 200
        assert visit.exact("#cost-today") == [totals.cost_usd]
        assert visit.exact("#saved-today") == [totals.saved_usd]
        assert visit.exact("#requests-today") == [str(totals.requests)]
        assert visit.exact("#errors-today") == [str(totals.errors)]
        assert visit.exact("#cache-today") == [str(totals.cache_hits)]
        assert visit.exact("#users-today") == [str(page.figures.today.users)]
        assert visit.exact("#latency-average") == [f"{totals.latency.avg_latency_ms:.3f}"]
        assert visit.exact("#latency-p50") == [f"{totals.latency.p50:.3f}"]
        assert visit.exact("#latency-p95") == [f"{totals.latency.p95:.3f}"]
        assert "$7.32" in visit.text("#cost-today")
        assert "20.0 %" in visit.text("#cache-today")


def test_the_day_has_its_budget_beside_it_as_a_bar_with_words(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        bar = visit.page.get_by_role("progressbar", name="Cost today against the budget daily")
        assert bar.get_attribute("aria-valuenow") == "73.18"
        assert bar.get_attribute("aria-valuetext") == "73.2 % used, $7.32 of $10.00, OK"
        drawn = bar.locator("rect.spent").bounding_box()
        whole = bar.locator("svg").bounding_box()
        assert drawn is not None
        assert whole is not None
        assert abs(drawn["width"] / whole["width"] - 0.7318) < 0.01


def test_every_budget_is_told_in_full(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        for state in page.figures.budgets:
            row = f'[data-budget="{state.name}"]'
            for field in ("limit", "spent", "reserved", "remaining"):
                (shown,) = visit.exact(f'{row} [data-field="{field}"]')
                assert Decimal(shown) == Decimal(getattr(state, field)), (state.name, field)
            assert visit.exact(f'{row} [data-field="denials"]') == [str(state.denials)]
            forecast = visit.exact(f'{row} [data-field="forecast"]')
            assert forecast == ([] if state.forecast is None else [state.forecast])
            words = {"ok": "OK", "warning": "Warning", "exhausted": "Exhausted"}
            assert visit.text(f"{row} .state") == words[state.level]
        assert "12 at 80 %, 3 at 95 %, 1 at 100 %" in visit.text('[data-budget="per-user"]')
        assert "in 9 h 23 min" in visit.text('[data-budget="daily"]')
        first = visit.page.locator("[data-budget]").first
        assert first.get_attribute("data-budget") == "support-bot-tokens"


def test_the_table_behind_the_chart_holds_every_day_exactly(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        for key in ("model", "app"):
            rows = visit.page.locator(f'[data-days="{key}"] tbody tr')
            assert rows.count() == 30
            for day in page.figures.days:
                row = f'[data-days="{key}"] tr[data-key="{day.date}"]'
                total, *cells = visit.exact(row)
                assert Decimal(total) == Decimal(day.totals.cost_usd)
                groups = getattr(day, f"by_{key}").values()
                whole = sum(Decimal(group.cost_usd) for group in groups)
                # What has no colour of its own is in the last one.
                assert sum(map(Decimal, cells[:-1])) == whole


def test_the_chart_draws_what_the_table_says_by_model_and_by_app(page: PageUnderTest) -> None:
    drawn = """key => {
        const canvas = document.querySelector(`[data-chart-of="${key}"] canvas`);
        const chart = Chart.getChart(canvas);
        return chart.data.datasets.map(set => [set.label, set.data.length, set.data.at(-1)]);
    }"""
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        last = page.figures.days[-1]
        for key in ("model", "app"):
            visit.page.click(f'[data-chart="{key}"]')
            assert visit.page.locator(f"#chart-{key}").is_visible()
            sets = visit.page.evaluate(drawn, key)
            groups = getattr(last, f"by_{key}")
            for label, length, height in sets:
                assert length == 30
                if label in groups:
                    assert height == float(groups[label].cost_usd)
        assert {label for label, _, _ in sets} == set(samples.APPS)
        assert visit.page.locator("#chart-model").is_hidden()
        assert visit.page.url.endswith("by=app")


def test_each_notable_request_leads_to_its_trace_here_and_in_grafana(page: PageUnderTest) -> None:
    notable = page.figures.hour
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        for key in ("dearest", "slowest", "failed"):
            requests = getattr(notable, key)
            rows = visit.page.locator(f"#requests-{key} tbody tr")
            assert rows.count() == len(requests)
            for place, request in enumerate(requests):
                here = rows.nth(place).get_by_role("link", name="Waterfall")
                assert here.get_attribute("href") == f"/admin/traces/{request.trace_id}"
                there = rows.nth(place).get_by_role("link", name="Grafana").get_attribute("href")
                assert there is not None
                assert there.startswith(f"{GRAFANA}/explore?")
                assert request.trace_id in parse_qs(urlsplit(there).query)["left"][0]
        assert "provider_timeout" in visit.text("#requests-failed")


def test_a_list_of_the_first_few_does_not_look_like_a_count_of_all(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        assert visit.text("#requests-failed-title") == "Failed the latest 5"
        assert visit.text("#requests-slowest-title") == "Slowest the top 10"


def test_a_slow_request_that_failed_says_so(page: PageUnderTest) -> None:
    """Else it looks as if it had used nothing for nothing."""
    failed = {request.trace_id for request in page.figures.hour.slowest if request.error}
    assert failed
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        rows = visit.page.locator("#requests-slowest tbody tr")
        said = {
            row.get_attribute("data-key")
            for row in rows.all()
            if "failed: provider_timeout" in row.inner_text()
        }
    assert said == failed


def test_on_a_phone_every_cost_stands_beside_the_models_name(page: PageUnderTest) -> None:
    with page.visit(phone=True) as visit:
        visit.open("/admin/monitoring")
        for key in ("dearest", "slowest", "failed"):
            row = visit.page.locator(f"#requests-{key} tbody tr").first
            name = row.locator("th .name").bounding_box()
            cost = row.locator("td[data-label=Cost]").bounding_box()
            assert name is not None
            assert cost is not None
            assert cost["x"] > name["x"]
            assert cost["y"] < name["y"] + name["height"]


def test_an_unknown_price_is_loud_and_never_zero(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        assert "No known price: 41 of 18,432 requests today" in visit.text("#notices")
        assert "in-house-7b" in visit.text("#notices")
        row = visit.text('[data-breakdown="model"] tr[data-key="in-house-7b"]')
        assert "41 unpriced" in row
        assert "$0.00" not in row
        assert "unpriced" in visit.text("#requests-slowest")


def test_what_costs_a_fraction_of_a_cent_is_not_shown_as_nothing(page: PageUnderTest) -> None:
    page.show(Figures(today=samples.usage(samples.totals("0.00000014", 1))))
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        assert visit.text("#cost-today") == "$0.00000014"


def test_names_from_callers_are_text_and_nothing_else(page: PageUnderTest) -> None:
    hostile = HOSTILE + "\"' onmouseover=alert(2) {{ 7*7 }} <img src=x onerror=alert(3)>"
    group = {hostile: samples.totals("1.5", 7, unpriced=3)}
    day = page.figures.days[-1].model_copy(update={"by_model": group, "by_app": group})
    request = samples.request(0, app=hostile, model=hostile, error=hostile, component=hostile)
    page.show(
        Figures(
            today=samples.usage(
                samples.totals("1.5", 7, unpriced=3), by_model=group, by_app=group, by_user=group
            ),
            days=(day,),
            hour=Notable(dearest=(request,), slowest=(request,), failed=(request,)),
            budgets=(samples.budget(hostile, scope="app", value=hostile, level="exhausted"),),
        )
    )
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        plain = visit.page.locator("#content").evaluate(
            "e => e.querySelectorAll('script,img').length"
        )
        assert plain == 0
        for part in ("#breakdowns", "#requests-failed", "#budgets", "#history", "#notices"):
            assert HOSTILE in visit.text(part), part
        assert "49" not in visit.text("#requests-dearest")
        visit.page.hover("#requests-failed tbody th .name")
        visit.page.hover('[data-chart-of="model"]')
        # The same through the way of a refresh, where a script puts the text in.
        page.figures.today = page.figures.today.model_copy(update={"users": 5})
        visit.page.click("#refresh-now")
        expect(visit.page.locator("#users-today")).to_have_text("5")


def test_a_request_without_a_trace_id_has_no_link(page: PageUnderTest) -> None:
    without = samples.request(0, trace_id="javascript:alert(1)")
    page.show(Figures(hour=Notable(dearest=(without,))))
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        assert visit.page.locator("#requests-dearest a").count() == 0
        assert "no trace" in visit.text("#requests-dearest")
