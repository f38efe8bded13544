"""On a history that the real program wrote, a real Prometheus fills every panel."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.dashboards.__main__ import measurements
from bench.dashboards.history import description
from bench.dashboards.serving import prometheus
from bench.dashboards.stored import Store, writer

# The program is compiled from the modules that Prometheus is compiled from.
pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]


def test_every_panel_shows_something(tmp_path: Path) -> None:
    opened = Store(tmp_path, writer()).opened(description(days=0.1))
    with opened as data, prometheus(data) as answers:
        measured = list(measurements(answers, ["1h"], runs=1))
    assert len(measured) > 40
    assert [one.panel.title for one in measured if not one.series] == []
    assert all(one.p95 > 0 for one in measured)
