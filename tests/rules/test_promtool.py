"""The tests of alerts can fail: a case that lies is found out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grafana.alerts.declared import ALERTS
from tests.rules.cases import CASES
from tests.rules.promtool import verify

pytestmark = pytest.mark.e2e

ALERT = next(alert for alert in ALERTS if alert.name == "CollectorDown")
CASE = next(case for case in CASES if case.alert == ALERT.name and case.fires)


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param({"silent": (CASE.fires,)}, id="silent when it fires"),
        pytest.param({"fires": CASE.silent[-1]}, id="fires when it is silent"),
        pytest.param({"labels": {**CASE.labels, "instance": "other"}}, id="other labels"),
        pytest.param({"summary": "All is well"}, id="other words"),
    ],
)
def test_a_case_that_lies_is_found_out(tmp_path: Path, lie: dict[str, Any]) -> None:
    verify(tmp_path, ALERT, [CASE])
    with pytest.raises(AssertionError, match="CollectorDown"):
        verify(tmp_path, ALERT, [replace(CASE, **lie)])
