"""What the numbers of providers, pipeline and host say in the situations they are there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana.dashboards.queries import host, pipeline
from grafana.dashboards.queries import provider_health as providers
from otel import names
from tests.grafana.situations import Situation, check

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

ENVIRONMENT = 'deployment_environment_name="dev"'
MODEL = f'{ENVIRONMENT},gen_ai_provider_name="p",gen_ai_request_model="m"'
CALLS = f"{names.OPERATION_DURATION.prometheus}_count{{{MODEL}}}"
FAILED_CALLS = f'{names.OPERATION_DURATION.prometheus}_count{{{MODEL},error_type="timeout"}}'
REJECTED_CALLS = f'{names.OPERATION_DURATION.prometheus}_count{{{MODEL},error_type="rejected"}}'
REFUSED_KEY = f'{names.PROVIDER_ERRORS.prometheus}{{{MODEL},http_response_status_code="401"}}'
FAILED = f'{names.PROVIDER_ERRORS.prometheus}{{{MODEL},http_response_status_code="500"}}'


def left(metric: names.Metric, worker: str, kind: str = "requests") -> str:
    labels = f'{MODEL},gaugeway_target="t",gaugeway_rate_limit_kind="{kind}"'
    return f'{metric.prometheus}{{{labels},service_instance_id="{worker}"}}'


REMAINING, LIMIT = names.RATE_LIMIT_REMAINING, names.RATE_LIMIT
TWO_WORKERS = {
    left(REMAINING, "a"): "50x40",
    left(LIMIT, "a"): "100x40",
    left(REMAINING, "b"): "25x40",
    left(LIMIT, "b"): "100x40",
}
WITHOUT_LIMIT = {left(REMAINING, "a"): "50x40"}

PROVIDERS = [
    Situation("every call succeeds", providers.SUCCESS_RATIO, {CALLS: "0+3x40"}, 1),
    Situation(
        "a quarter fails",
        providers.SUCCESS_RATIO,
        {CALLS: "0+3x40", FAILED_CALLS: "0+1x40"},
        0.75,
    ),
    Situation(
        "a quarter asks for what no provider could do",
        providers.SUCCESS_RATIO,
        {CALLS: "0+3x40", REJECTED_CALLS: "0+1x40"},
        1,
    ),
    Situation("there never was a call", providers.SUCCESS_RATIO, {}, None),
    Situation("no key was refused", providers.CREDENTIALS_OF_A_DAY, {CALLS: "0+3x40"}, 0),
    Situation(
        "another failure is no refused key",
        providers.CREDENTIALS_OF_A_DAY,
        {CALLS: "0+3x40", FAILED: "0+1x40"},
        0,
    ),
    Situation(
        "a key was refused forty times",
        providers.CREDENTIALS_OF_A_DAY,
        {CALLS: "0+3x40", REFUSED_KEY: "0+1x40"},
        40,
    ),
    Situation("of two workers' words the lowest", providers.HEADROOM_NOW, TWO_WORKERS, 0.25),
    Situation("a rest without its limit", providers.HEADROOM_NOW, WITHOUT_LIMIT, None),
    Situation(
        "twenty-five in a hundred fail where five may",
        providers.BUDGET_USED,
        {CALLS: "0+3x40", FAILED_CALLS: "0+1x40"},
        5,
    ),
]

UP = 'up{job="collector",instance="c:8888"}'
ANOTHER_UP = 'up{job="collector",instance="d:8888"}'
GIVEN_UP = 'otelcol_exporter_send_failed_spans_total{job="collector",exporter="otlp_http/tempo"}'
FULL = 'otelcol_exporter_enqueue_failed_log_records_total{job="collector",exporter="x"}'
HEARTBEAT = f'{names.TELEMETRY_DROPPED.prometheus}{{{ENVIRONMENT},service_name="s"}}'

SCRAPE_ERRORS = (
    'otelcol_scraper_errored_metric_points_total{job="collector",receiver="redis",scraper="redis"}'
)

PIPELINE = [
    Situation("the Collector runs", pipeline.COLLECTOR_UP, {UP: "1x40"}, 1),
    Situation("it does not", pipeline.COLLECTOR_UP, {UP: "0x40"}, 0),
    Situation("one of two does not", pipeline.COLLECTOR_UP, {UP: "1x40", ANOTHER_UP: "0x40"}, 0),
    Situation("nobody scrapes one", pipeline.COLLECTOR_UP, {}, 0),
    Situation("nothing was ever lost", pipeline.LOST_NOW, {UP: "1x40"}, 0),
    Situation("nobody knows what was lost", pipeline.LOST_NOW, {}, None),
    Situation(
        "some was given up, some met a full queue",
        pipeline.LOST_NOW,
        {UP: "1x40", GIVEN_UP: "0+2x40", FULL: "0+1x40"},
        60,
    ),
    Situation(
        "no scrape failed",
        pipeline.SCRAPE_ERRORS,
        {SCRAPE_ERRORS: "0+0x40"},
        {'{scraper="none"}': 0},
    ),
    Situation(
        "one scraper fails",
        pipeline.SCRAPE_ERRORS,
        {SCRAPE_ERRORS: "0+120x40"},
        {'{scraper="redis"}': 8},
    ),
    Situation("nobody counts what scrapers miss", pipeline.SCRAPE_ERRORS, {}, None),
    Situation("metrics came just now", pipeline.AGE_NOW, {HEARTBEAT: "0x40"}, 0),
    Situation("they stopped nine minutes ago", pipeline.AGE_NOW, {HEARTBEAT: "0x4 _x36"}, 540),
]

USED = f"redis_memory_used_bytes{{{ENVIRONMENT}}}"
ALLOWED = f"redis_maxmemory_bytes{{{ENVIRONMENT}}}"
RUNS = f'{names.PROCESS_MEMORY.prometheus}{{{ENVIRONMENT},service_instance_id="a"}}'
ENDED = f'{names.PROCESS_MEMORY.prometheus}{{{ENVIRONMENT},service_instance_id="b"}}'
FREE, CACHED, HELD, SLAB = (
    f'system_memory_usage_bytes{{{ENVIRONMENT},state="{state}"}}'
    for state in ("free", "cached", "used", "slab_reclaimable")
)

REDIS = f'{names.DEPENDENCY_UP.prometheus}{{{ENVIRONMENT},gaugeway_dependency_name="redis"'
ONE, OTHER = (f'{REDIS},service_instance_id="{worker}"}}' for worker in ("a", "b"))
WORK = f"{names.BACKGROUND_TASK_UP.prometheus}{{{ENVIRONMENT},gaugeway_background_task_name="
KEYS, LEDGER = (f'{WORK}"{task}"}}' for task in ("keys file", "usage ledger"))

HOST = [
    Situation("every process reaches Redis", host.REDIS_UP, {ONE: "1x40", OTHER: "1x40"}, 1),
    Situation("one process does not", host.REDIS_UP, {ONE: "1x40", OTHER: "0x40"}, 0),
    Situation(
        "a process that could not has ended", host.REDIS_UP, {ONE: "1x40", OTHER: "0x32 _x8"}, 1
    ),
    Situation("nobody asks Redis any more", host.REDIS_UP, {ONE: "1x32 _x8"}, None),
    Situation("all work gets on", host.BACKGROUND_NOW, {KEYS: "1x40", LEDGER: "1x40"}, 1),
    Situation("some of it does not", host.BACKGROUND_NOW, {KEYS: "0x40", LEDGER: "1x40"}, 0),
    Situation(
        "a process that could not has ended",
        host.BACKGROUND_NOW,
        {KEYS: "0x32 _x8", LEDGER: "1x40"},
        1,
    ),
    Situation("no service runs", host.BACKGROUND_NOW, {}, None),
    Situation("half is used", host.REDIS_MEMORY_NOW, {USED: "50x40", ALLOWED: "100x40"}, 0.5),
    Situation("Redis has no limit", host.REDIS_MEMORY_NOW, {USED: "50x40", ALLOWED: "0x40"}, None),
    Situation(
        "a larger process ended two minutes ago",
        host.LARGEST_PROCESS,
        {RUNS: "100x40", ENDED: "900x32 _x8"},
        100,
    ),
    Situation(
        "the slab is inside the cache",
        host.MEMORY_NOW,
        {FREE: "50x40", CACHED: "25x40", HELD: "25x40", SLAB: "20x40"},
        0.25,
    ),
]


@pytest.mark.parametrize(
    "situation", [*PROVIDERS, *PIPELINE, *HOST], ids=lambda situation: situation.name
)
def test_a_number_says_what_is_so(situation: Situation, tmp_path: Path) -> None:
    check(situation, tmp_path)
