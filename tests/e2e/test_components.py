"""Every metric of another component that a panel may read is one that the component emits."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Generator
from pathlib import Path

import pytest

from grafana.dashboards import components
from grafana.dashboards.selectors import ENVIRONMENT, label
from otel import names
from otel.names import Metric
from tests.e2e.columns import METRICS_WITHIN, Evidence
from tests.e2e.polling import NotYetError, until
from tests.e2e.stack import Stack, running

# Without a loss there is no such series; tests/collector/test_losses.py causes one.
ALWAYS = [metric for metric in components.ALL if metric not in components.ENQUEUE_FAILED]


@pytest.mark.parametrize("metric", ALWAYS, ids=lambda metric: metric.prometheus)
def test_a_component_emits_the_metric_with_its_labels(
    stack: Stack, driven: dict[str, Evidence], metric: Metric
) -> None:
    assert driven["cache_hit"].answer.status == 200

    def probe() -> None:
        found = stack.backends.series(metric.prometheus)
        if not found:
            raise NotYetError(f"Prometheus: no series of {metric.prometheus}")
        told = {name for series in found for name in series.labels}
        missing = {label(attribute) for attribute in metric.attributes} - told
        if missing:
            raise NotYetError(f"{metric.prometheus} has {sorted(told)}, not {sorted(missing)}")
        pushed = not isinstance(metric, components.Scraped)
        assert (label(ENVIRONMENT) in told) == pushed, metric.prometheus

    until(probe, within=METRICS_WITHIN)


@pytest.fixture
def another(tmp_path: Path) -> Generator[Stack]:
    """A stack of its own: the matrix counts every request of the shared one."""
    with running(tmp_path, environment={}) as started:
        yield started


def test_what_a_provider_still_allows_reaches_prometheus(another: Stack) -> None:
    stack = another
    body = {"model": "simulated", "messages": [{"role": "user", "content": "How much is left?"}]}
    headers = {"Authorization": f"Bearer {stack.api_key}", "Content-Type": "application/json"}
    url = f"{stack.service_url}/v1/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    selector = '{gaugeway_target="simulated",gaugeway_rate_limit_kind="requests"}'

    def probe() -> None:
        # A word is told for a minute only, so it is asked for again.
        urllib.request.urlopen(request).close()
        limit = stack.backends.value(f"min({names.RATE_LIMIT.prometheus}{selector})")
        left = stack.backends.value(f"min({names.RATE_LIMIT_REMAINING.prometheus}{selector})")
        if limit is None or left is None:
            raise NotYetError(f"Prometheus: {left} of {limit} requests left")
        assert 0 <= left < limit == 600

    until(probe, within=METRICS_WITHIN, every=1)
