"""No query on a page names a metric, a label or an attribute that nobody emits."""

from __future__ import annotations

import pytest

from tests.docs.blocks import DOCS, QUERY_LANGUAGES, Block, blocks
from tests.docs.names_in_queries import UNKNOWN

PAGES = (DOCS / "recipes.md", DOCS / "slos.md", *sorted((DOCS / "runbooks").glob("*.md")))
QUERIES = [block for page in PAGES for block in blocks(page, *QUERY_LANGUAGES)]


@pytest.mark.parametrize("block", QUERIES, ids=str)
def test_a_query_knows_what_it_asks_for(block: Block) -> None:
    assert not UNKNOWN[block.language](block.text)


@pytest.mark.parametrize(
    ("language", "query", "unknown"),
    [
        ("promql", "sum(rate(walku_total_llm_requests[5m]))", {"walku_total_llm_requests"}),
        ("promql", "sum by (gaugeway_user) (gaugeway_cost_total)", {"gaugeway_user"}),
        ("promql", 'gaugeway_cost_total{user="ada"}', {"user"}),
        ("promql", 'increase(gaugeway_saved_total{gaugeway_app="a"}[1h]) > 0', set[str]()),
        ("promql", "a:b:c", {"a:b:c"}),
        ("logql", '{service_name="gaugeway"} |= "usage recorded" | user="ada"', {"user"}),
        ("logql", '{service_name=~".+"} | line_format "{{.prompt}}"', {"prompt"}),
        ("traceql", "{ span.gaugeway.user = nil && duration > 2s }", {"gaugeway.user"}),
        ("traceql", "{ durations > 2s }", {"durations"}),
    ],
)
def test_a_name_that_nobody_emits_is_found(language: str, query: str, unknown: set[str]) -> None:
    assert UNKNOWN[language](query) == unknown
