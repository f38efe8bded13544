"""A trace as Tempo has it, in the browser; and what becomes of the page without one."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.page import samples, tempo
from tests.page.conftest import GRAFANA, PageUnderTest

TRACE = samples.TRACES[3]
ADDRESS = f"/admin/traces/{TRACE}"


def test_spans_stand_under_their_parents_with_bars_to_scale(page: PageUnderTest) -> None:
    page.tempo.answer(tempo.chat_trace())
    with page.visit() as visit:
        assert visit.open(ADDRESS) == 200
        assert page.tempo.asked[-1] == f"/api/traces/{TRACE}"
        names = visit.page.locator(".waterfall tbody .name").all_inner_texts()
        assert names == [
            "GET /answer",
            "POST /v1/chat/completions",
            "GET",
            "chat claude-sonnet-4-5",
            "chat gpt-4.1",
        ]
        assert visit.text("#span-count") == "5"
        # 440 ms and 1,020 ms of 1,500 ms.
        bar = visit.page.locator('[data-span="0000000000000005"] rect')
        assert bar.get_attribute("x") == "29.33%"
        assert bar.get_attribute("width") == "68%"
        row = visit.page.locator('[data-span="0000000000000004"]')
        assert "error" in row.inner_text()
        row.locator("summary").click()
        facts = (
            *("The provider is overloaded.", "error.type", "overloaded", "exception"),
            *("ProviderOverloaded", "client span", "began after 30 ms", "after 429 ms"),
        )
        for told in facts:
            expect(row).to_contain_text(told)
        level = row.locator("summary .hidden").inner_text()
        assert level.strip() == "Level 3:"


def test_the_way_to_grafana_is_offered_beside_the_waterfall(page: PageUnderTest) -> None:
    page.tempo.answer(tempo.chat_trace())
    with page.visit() as visit:
        visit.open(ADDRESS)
        link = visit.page.get_by_role("link", name="Open in Grafana").get_attribute("href")
        assert link is not None
        assert link.startswith(f"{GRAFANA}/explore?left=")
        assert TRACE in link


def test_hostile_spans_are_text_and_nothing_else(page: PageUnderTest) -> None:
    hostile = samples.HOSTILE + "'\"><svg onload=alert(2)>"
    page.tempo.answer(
        tempo.trace(
            (hostile, [
                tempo.span(1, hostile, kind=hostile, attributes={hostile: hostile},
                           status={"code": 2, "message": hostile},
                           events=[{"name": hostile, "timeUnixNano": "1", "attributes": [
                               tempo.attribute(hostile, hostile)]}]),
                {"spanId": [], "name": {}, "attributes": "none", "events": [7], "status": 3},
            ]),
        )
    )  # fmt: skip
    with page.visit() as visit:
        assert visit.open(ADDRESS) == 200
        for summary in visit.page.locator("summary").all():
            summary.click()
        assert visit.page.locator("main script").count() == 0
        assert visit.page.locator("main [onload]").count() == 0
        assert visit.text("main").count(samples.HOSTILE) >= 6


@pytest.mark.parametrize(
    ("status", "body", "answered", "told"),
    [
        (404, b"", 404, "Tempo has no such trace"),
        (500, b"", 200, "Tempo answered with status 500"),
        (200, b"<html>", 200, "What Tempo answered is no trace"),
        (200, b"{}", 404, "no span of this trace yet"),
        (200, b" " * (9 * 1024 * 1024), 200, "larger than the 8 MiB"),
        (302, b"", 200, "Tempo answered with status 302"),
    ],
)
def test_a_trace_that_cannot_be_shown_is_explained(
    page: PageUnderTest, status: int, body: bytes, answered: int, told: str
) -> None:
    page.tempo.status, page.tempo.body = status, body
    with page.visit() as visit:
        visit.expected = ("404",)
        assert visit.open(ADDRESS) == answered
        expect(visit.page.locator("#problem")).to_contain_text(told)
        assert visit.page.get_by_role("link", name="Open in Grafana").count() == 1
        assert visit.violations() == []


def test_a_tempo_that_comes_back_shows_the_trace_at_the_next_try(page: PageUnderTest) -> None:
    page.tempo.status = 503
    with page.visit() as visit:
        visit.open(ADDRESS)
        visit.keep("trace-tempo-down")
        page.tempo.status = 200
        page.tempo.answer(tempo.chat_trace())
        visit.page.get_by_role("link", name="Try again").click()
        expect(visit.page.locator("#span-count")).to_have_text("5")


@pytest.mark.parametrize(
    "identity", ["0" * 32, "A" * 32, "ab" * 15, "ab" * 17, "..%2f..%2fready", "%00" * 32, "a%20b"]
)
def test_what_is_no_trace_id_never_reaches_tempo(page: PageUnderTest, identity: str) -> None:
    page.tempo.asked.clear()
    answer = page.service.request("GET", f"/admin/traces/{identity}", key=page.key)
    assert answer.status in (400, 404), answer.body
    assert page.tempo.asked == []
