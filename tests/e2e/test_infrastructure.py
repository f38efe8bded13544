"""What the Collector measures from outside the service reaches Prometheus: host, Redis, map."""

from __future__ import annotations

import pytest

from tests.e2e.columns import METRICS_WITHIN, Evidence
from tests.e2e.polling import NotYetError, until
from tests.e2e.stack import Stack

CALLS = 'traces_service_graph_request_total{client="gaugeway",server='
SERIES = {
    "the host": '{__name__=~"system_cpu_.+",job="infrastructure"}',
    "Redis": '{__name__=~"redis_.+",job="infrastructure"}',
    "the service's health": 'httpcheck_status{http_status_class="2xx",job="infrastructure"} == 1',
    "calls of a provider": CALLS + '"simulated"}',
    "calls of Redis": CALLS + '"redis"}',
}


@pytest.mark.parametrize("what", SERIES)
def test_what_is_measured_from_outside_arrives(
    stack: Stack, driven: dict[str, Evidence], what: str
) -> None:
    assert driven["cache_hit"].answer.status == 200
    query = f"count({SERIES[what]})"

    def probe() -> None:
        if not stack.backends.value(query):
            raise NotYetError(f"Prometheus: {query} gave nothing")

    until(probe, within=METRICS_WITHIN)
