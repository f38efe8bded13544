"""Where all is well, or nothing happens, no alert fires."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest
import yaml

from otel.metric import DURATION_BUCKETS
from tests.rules.case import collected, pushed, scraped
from tests.rules.cases.budgets import budget
from tests.rules.promtool import ALERTS, MIDNIGHT, RECORDING_RULES, SLO_RULES, groups_of, promtool

pytestmark = pytest.mark.e2e

MODEL = {"gen_ai_provider_name": "openai", "gen_ai_request_model": "gpt-4o"}
TIMES = ("1m", "10m", "56m", "57m", "1h", "1h30m", "2h30m")
STEPS = 600
# 55 minutes, so that the times have the minutes after.
REPLACED_AT = 220


def alive() -> dict[str, str]:
    """What tells of a system without being asked: it is there, and has room."""
    up = f"1x{STEPS}"
    found = {
        **scraped("up", up, job="collector"),
        **scraped("up", up, job="loki"),
        **collected("httpcheck_status", up, http_url="http://a/", http_status_class="2xx")
        | collected(
            "httpcheck_status",
            up,
            http_url="http://a/",
            http_status_class="2xx",
            http_status_code="200",
        ),
        **collected("redis_memory_used_bytes", f"10x{STEPS}"),
        **collected("redis_maxmemory_bytes", f"100x{STEPS}"),
        **pushed("gaugeway_dependency_up", up, gaugeway_dependency_name="redis"),
        **pushed("process_memory_usage_bytes", f"120000000x{STEPS}"),
        **pushed("gaugeway_telemetry_dropped_total", f"0x{STEPS}"),
        **budget(f"1x{STEPS}", f"10x{STEPS}"),
    }
    for name, value in (("size", 0), ("capacity", 1000)):
        metric = f"otelcol_exporter_queue_{name}"
        found |= scraped(metric, f"{value}x{STEPS}", job="collector", exporter="otlp_http/loki")
    return found


def resting() -> dict[str, str]:
    """The counters of a process that was busy before and is no more."""
    still = f"500x{STEPS}"
    return {
        **pushed("gen_ai_client_operation_duration_seconds_count", still, **MODEL),
        **pushed("gen_ai_client_operation_duration_seconds_bucket", still, le="+Inf", **MODEL),
        **pushed("gen_ai_client_operation_duration_seconds_count", still, error_type="failed"),
        **pushed("gen_ai_client_operation_time_to_first_chunk_seconds_count", still, **MODEL),
        **pushed("gen_ai_client_operation_time_to_first_chunk_seconds_bucket", still, le="+Inf"),
        **pushed("gen_ai_client_inference_usage_input_tokens_total", still),
        **pushed("gaugeway_cost_total", still),
        **pushed("gaugeway_cache_requests_total", still, gaugeway_cache_result="miss"),
        **pushed(
            "http_server_request_duration_seconds_count",
            still,
            http_route="/v1/chat/completions",
            http_response_status_code="500",
        ),
        **scraped("loki_distributor_lines_received_total", still, job="loki"),
    }


def fast(name: str) -> dict[str, str]:
    """A histogram with all its bounds; each observation is at most 0.16 s."""
    each, none = f"0+1x{STEPS}", f"0x{STEPS}"
    found = pushed(f"{name}_count", each, **MODEL)
    for bound in (*DURATION_BUCKETS, inf):
        le = "+Inf" if bound == inf else f"{bound:g}"
        found |= pushed(f"{name}_bucket", each if bound >= 0.16 else none, le=le, **MODEL)
    return found


def busy() -> dict[str, str]:
    """Fast, cheap and without a failure."""
    each = f"0+1x{STEPS}"
    return {
        **fast("gen_ai_client_operation_duration_seconds"),
        **fast("gen_ai_client_operation_time_to_first_chunk_seconds"),
        **pushed("gen_ai_client_inference_usage_input_tokens_total", f"0+100x{STEPS}", **MODEL),
        **pushed("gen_ai_client_inference_usage_output_tokens_total", f"0+100x{STEPS}", **MODEL),
        **pushed("gaugeway_cost_total", f"0+0.001x{STEPS}", **MODEL),
        **pushed("gaugeway_cache_requests_total", each, gaugeway_cache_result="hit"),
        **pushed("gaugeway_cache_requests_total", f"0+0.1x{STEPS}", gaugeway_cache_result="miss"),
        **pushed(
            "http_server_request_duration_seconds_count",
            each,
            http_route="/v1/chat/completions",
            http_response_status_code="200",
        ),
        **scraped("loki_distributor_lines_received_total", each, job="loki"),
    }


def replaced(series: dict[str, str]) -> dict[str, str]:
    """The same with the worker replaced by another, whose counters begin anew: a deployment."""
    found: dict[str, str] = {}
    for name, values in series.items():
        if "worker-1" not in name:
            found[name] = values
            continue
        each, rest = values.removesuffix(f"x{STEPS}"), STEPS - REPLACED_AT
        assert f"{each}x{STEPS}" == values
        found[name] = f"{each}x{REPLACED_AT} _x{rest}"
        found[name.replace("worker-1", "worker-2")] = f"_x{REPLACED_AT + 4} {each}x{rest - 4}"
    return found


@pytest.mark.parametrize(
    "series",
    [
        pytest.param(alive(), id="never any traffic"),
        pytest.param({**alive(), **resting()}, id="no traffic any more"),
        pytest.param({**alive(), **busy()}, id="traffic as it should be"),
        pytest.param(replaced({**alive(), **busy()}), id="a deployment under traffic"),
        pytest.param(replaced(alive()), id="a deployment without traffic"),
    ],
)
def test_nothing_fires(tmp_path: Path, series: dict[str, str]) -> None:
    names = [rule["alert"] for group in groups_of(ALERTS) for rule in group["rules"]]
    test = {
        "start_timestamp": MIDNIGHT,
        "interval": "15s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": time, "alertname": name} for name in names for time in TIMES
        ],
    }
    file = tmp_path / "tests.yaml"
    tests = {
        "rule_files": [str(ALERTS), str(RECORDING_RULES), str(SLO_RULES)],
        "evaluation_interval": "1m",
        "tests": [test],
    }
    file.write_text(yaml.safe_dump(tests))
    answer = promtool("test", "rules", file)
    assert answer.returncode == 0, answer.stdout + answer.stderr
