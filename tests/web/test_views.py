"""View models: what the page shows of the documents, without a browser."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from service.ledger.documents import Day, Lost
from service.web.budgets import budget_view
from service.web.history import SERIES, history_view
from service.web.moments import Zoned
from service.web.monitoring import Known, monitoring_view, notices
from service.web.templates import render
from service.web.today import breakdowns, day_budget, today_view
from tests.page import samples

ZONED = Zoned(samples.NOW, ZoneInfo("Europe/Berlin"))


def known(**changes: object) -> Known:
    given: dict[str, object] = {
        "usage": samples.full_usage(),
        "history": samples.history(),
        "notable": samples.notable(),
        "budgets": (),
        **changes,
    }
    return Known(**given)  # pyright: ignore[reportArgumentType] - each is what the field wants


def day(date: str, costs: dict[str, str]) -> Day:
    whole = sum(map(Decimal, costs.values()), Decimal(0))
    names = {name: samples.totals(cost) for name, cost in costs.items()}
    totals = samples.totals(f"{whole:f}")
    return Day(date=date, totals=totals, by_service={}, by_model=names, by_app={})


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([f"model-{number}" for number in range(15)]),
            st.decimals("0", "1000", places=12).map(lambda amount: f"{amount:f}"),
        ),
        min_size=1,
        max_size=31,
    )
)
def test_the_cells_of_every_day_add_up_to_its_total(costs: list[dict[str, str]]) -> None:
    days = [day(f"2026-10-{place + 1:02d}", each) for place, each in enumerate(costs)]
    chart, _ = history_view(days).charts
    assert len(chart.series) <= SERIES + 1
    for found, row in zip(days, chart.rows, strict=True):
        assert sum(Decimal(cell.exact) for cell in row.cells) == Decimal(found.totals.cost_usd)
    whole = sum(Decimal(found.totals.cost_usd) for found in days)
    assert sum(Decimal(series.total.exact) for series in chart.series) == whole


def test_one_name_too_many_is_shown_as_itself() -> None:
    eight = {f"model-{number}": "1" for number in range(SERIES + 1)}
    (*_, last), _ = (history_view([day("2026-10-01", eight)]).charts[0].series, None)
    assert last.name == f"model-{SERIES}"
    nine = {f"model-{number}": "1" for number in range(SERIES + 2)}
    assert history_view([day("2026-10-01", nine)]).charts[0].series[-1].name == "2 others"


def test_the_budget_of_the_day_is_that_of_the_whole_in_dollars_that_is_most_used() -> None:
    states = (
        samples.budget("tokens", unit="tokens", used_percent=99),
        samples.budget("of an app", scope="app", value="web", used_percent=98),
        samples.budget("month", window="month", used_percent=97),
        samples.budget("loose", used_percent=10),
        samples.budget("tight", used_percent=50),
    )
    chosen = day_budget(states)
    assert chosen is not None
    assert chosen.name == "tight"
    assert day_budget(states[:3]) is None


def test_a_bar_shows_what_is_reserved_behind_what_is_spent() -> None:
    view = budget_view(samples.budget(), ZONED)
    assert (view.spent_width, view.reserved_width) == ("73.18", "4.1")
    assert view.resets_at.text == "22 Nov 01:00 CET"
    assert view.forecast_over
    none = budget_view(samples.budget(limit="0", used_percent=100, level="exhausted"), ZONED)
    assert none.reserved_width == "0"


@pytest.mark.parametrize(
    ("errors", "word"), [(0, "normal"), (9, "normal"), (10, "raised"), (49, "raised"), (50, "high")]
)
def test_the_share_of_failures_has_a_word(errors: int, word: str) -> None:
    usage = samples.usage(samples.totals("1", 1000, errors=errors))
    assert today_view(usage, (), ZONED).error_word == word


def test_breakdowns_are_dearest_first_and_bounded() -> None:
    many = {f"app-{number}": samples.totals(f"{number}") for number in range(40)}
    (found,) = breakdowns(samples.usage(samples.totals("780"), by_app=many))
    assert [row.name for row in found.rows[:2]] == ["app-39", "app-38"]
    assert len(found.rows) + found.left_out == 40


def test_notices_say_what_is_missing_and_what_to_do() -> None:
    missing = notices(known(usage=None, budgets=None))
    assert missing[0].title == "Redis does not answer: usage and budgets cannot be shown"
    assert "REDIS_URL" in missing[0].text
    assert notices(known(history=None))[0].title.endswith("usage cannot be shown")
    incomplete = samples.usage().model_copy(update={"complete": False})
    assert [notice.key for notice in notices(known(usage=incomplete))] == ["incomplete"]
    waiting = notices(known(usage=incomplete, pending=3))
    assert [notice.key for notice in waiting] == ["pending"]
    (held,) = notices(known(usage=incomplete, pending=30, held=12))
    assert (held.key, held.level) == ("pending", "exhausted")
    assert "12 of them wait in the worker's memory alone" in held.text
    exhausted = (samples.budget(level="exhausted"), samples.budget("b", level="exhausted"))
    (notice,) = notices(known(usage=samples.usage(), budgets=exhausted))
    assert notice.title == "Budgets exhausted"


def test_what_was_lost_is_told_before_all_figures() -> None:
    lost = Lost(requests=39, unpriced_requests=2, cost_usd="1.25")
    usage = samples.usage().model_copy(update={"complete": False, "lost": lost})
    (notice,) = notices(known(usage=usage, lost=1))
    assert (notice.key, notice.level) == ("lost", "exhausted")
    assert notice.title == "40 requests of today in no figure"
    assert notice.text.endswith("What is known of it is $1.25, without 2 requests.")
    # Redis is away: what this worker knows of is told all the same.
    missing, own = notices(known(usage=None, lost=1))
    assert (missing.key, own.key) == ("missing", "lost")
    assert own.title == "1 request of today in no figure"
    day = samples.no_history()[:1]
    nothing = known(usage=usage, history=day)
    assert not monitoring_view(nothing, ZONED, chart="model", grafana=None).empty


def test_a_page_is_empty_only_when_everything_is_known_to_be() -> None:
    nothing = known(usage=samples.usage(), history=samples.no_history())
    assert monitoring_view(nothing, ZONED, chart="model", grafana=None).empty
    for gap in ({"notable": None}, {"history": None}, {"usage": None}, {}):
        almost = known(**{"usage": samples.usage(), **gap})
        assert not monitoring_view(almost, ZONED, chart="model", grafana=None).empty


def test_times_are_told_in_the_zone_of_the_ledger() -> None:
    assert ZONED.updated().text == "15:36:05 CET"
    assert ZONED.clock("2026-11-21T14:35:05.123+00:00").text == "15:35:05"
    summer = Zoned(datetime(2026, 7, 1, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    assert summer.updated().text == "02:00:00 CEST"


def test_a_template_that_is_given_too_little_fails_rather_than_shows_nothing() -> None:
    with pytest.raises(UndefinedError):
        render("login.html", next="/")


def test_templates_escape_whatever_they_are_given() -> None:
    text = render("login.html", next='"><script>', csrf_token="'", problem="<img>")
    assert "<script>" not in text
    assert "<img>" not in text
