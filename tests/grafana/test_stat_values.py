"""What the row of numbers says in the situations it is there for, computed by the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana.dashboards.queries import overview as queries
from otel import names
from tests.grafana.situations import Situation, check

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

ENVIRONMENT = 'deployment_environment_name="dev"'
MODEL = f'{ENVIRONMENT},gaugeway_app="dev",gen_ai_provider_name="p",gen_ai_request_model="m"'
ALL = f"{names.OPERATION_DURATION.prometheus}_count{{{MODEL}}}"
FAILED = f'{names.OPERATION_DURATION.prometheus}_count{{{MODEL},error_type="timeout"}}'
CHECK = f'httpcheck_status{{{ENVIRONMENT},http_url="http://s/healthz",http_status_class='
GOOD = f'{CHECK}"2xx",http_status_code="200"}}'
ILL = f'{CHECK}"5xx",http_status_code="500"}}'
NO_GOOD = f'{CHECK}"2xx"}}'
OTHER_CLASS = f'{CHECK}"5xx"}}'


UP = {GOOD: "1+0x40", OTHER_CLASS: "0+0x40"}
GONE = {GOOD: "1+0x36 _x4", NO_GOOD: "_x37 0+0x3", OTHER_CLASS: "0+0x40"}
NEVER_UP = {NO_GOOD: "0+0x40", OTHER_CLASS: "0+0x40"}
ANSWERS_500 = {GOOD: "1+0x20 _x20", NO_GOOD: "_x21 0+0x19", ILL: "_x21 1+0x19"}
UNWATCHED = {GOOD: "1+0x20 _x20", OTHER_CLASS: "0+0x20 _x20"}

SITUATIONS = [
    Situation("the service answers", queries.SERVICE_UP, UP, 1),
    Situation("it went a minute ago", queries.SERVICE_UP, GONE, 0),
    Situation("it never came", queries.SERVICE_UP, NEVER_UP, 0),
    Situation("it answers 500", queries.SERVICE_UP, ANSWERS_500, 0),
    Situation("nobody watches it any more", queries.SERVICE_UP, UNWATCHED, None),
    Situation("nothing fails", queries.ERROR_RATIO, {ALL: "0+3x40"}, 0),
    Situation("a quarter fails", queries.ERROR_RATIO, {ALL: "0+3x40", FAILED: "0+1x40"}, 0.25),
    Situation("everything rests", queries.ERROR_RATIO, {ALL: "5+0x40"}, "NaN"),
    Situation("there never was traffic", queries.ERROR_RATIO, {}, None),
    Situation("nothing was unpriced", queries.UNPRICED_OF_A_DAY, {ALL: "0+3x40"}, 0),
    Situation("nobody knows what was unpriced", queries.UNPRICED_OF_A_DAY, {}, None),
]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_a_number_says_what_is_so(situation: Situation, tmp_path: Path) -> None:
    check(situation, tmp_path)
