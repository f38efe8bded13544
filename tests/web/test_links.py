"""Links to traces are those Grafana's own dashboards have, and never lead anywhere else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from grafana.dashboards.datasources import TEMPO_UID
from grafana.dashboards.links import trace_link
from service.web import links

TRACE = "0af7651916cd43dd8448eb211c80319c"
WHEN = datetime(2026, 11, 21, 14, 36, tzinfo=UTC)


def test_the_link_is_the_one_the_dashboards_have_with_times_of_its_own() -> None:
    url = links.explore_url("https://grafana.example/base/", TRACE, WHEN)
    assert url is not None
    assert url.startswith("https://grafana.example/base/explore?left=")
    ours = json.loads(parse_qs(urlsplit(url).query)["left"][0])
    theirs = json.loads(parse_qs(urlsplit(str(trace_link(TRACE)["url"])).query)["left"][0])
    begin, end = int(ours["range"].pop("from")), int(ours["range"].pop("to"))
    theirs["range"].clear()
    assert ours == theirs
    assert ours["datasource"] == TEMPO_UID == links.TEMPO_UID
    assert begin < WHEN.timestamp() * 1000 < end


@pytest.mark.parametrize(
    "url", [None, "", "javascript:alert(1)", "//grafana.example", "grafana.example", "ftp://host/"]
)
def test_no_link_leads_where_a_browser_must_not_follow(url: str | None) -> None:
    assert links.explore_url(url, TRACE, WHEN) is None


@pytest.mark.parametrize(
    "identity",
    ["", "0" * 32, TRACE.upper(), TRACE + "0", TRACE[:-1], TRACE[:-1] + "\n", "../" * 11],
)
def test_what_is_no_trace_id_has_no_link(identity: str) -> None:
    assert links.waterfall_path(identity) is None
    assert links.explore_url("https://grafana.example", identity, WHEN) is None


def test_a_trace_id_has_its_page() -> None:
    assert links.waterfall_path(TRACE) == f"/admin/traces/{TRACE}"
