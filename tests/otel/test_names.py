"""The names are stated once, wholly and in the spelling that Prometheus gives them."""

from pathlib import Path

import pytest

from otel import attributes, document, names
from otel.names import Kind

PAGE = Path(__file__).parents[2] / "docs" / "telemetry.md"


def test_no_metric_is_stated_twice() -> None:
    stated = [metric.name for metric in names.METRICS]
    assert len(stated) == len(set(stated))


def test_every_metric_of_the_module_is_listed() -> None:
    stated = {value.name for value in vars(names).values() if isinstance(value, names.Metric)}
    assert stated == {metric.name for metric in names.METRICS}


def test_every_attribute_is_described_once() -> None:
    described = [each.name for each in attributes.ATTRIBUTES]
    stated = {
        value
        for name, value in vars(attributes).items()
        if name.isupper() and isinstance(value, str) and name != "OTHER"
    }
    assert len(described) == len(set(described))
    assert set(described) == stated


def test_every_label_is_an_attribute_that_metrics_may_carry() -> None:
    carried = {each.name for each in attributes.ATTRIBUTES if "metric" in each.signals}
    for metric in names.METRICS:
        assert set(metric.attributes) <= carried, metric.name


def test_histograms_and_nothing_else_have_buckets_that_rise() -> None:
    for metric in names.METRICS:
        assert bool(metric.buckets) is (metric.kind is Kind.HISTOGRAM), metric.name
        assert list(metric.buckets) == sorted(set(metric.buckets))


def test_what_no_convention_names_is_under_our_prefix() -> None:
    for metric in names.OURS:
        assert metric.name.startswith(("gen_ai.client.", "gaugeway.", "db.client."))
    assert [metric.name for metric in names.METRICS if "gaugeway.cost" in metric.name] == [
        "gaugeway.cost"
    ]


@pytest.mark.parametrize(
    ("metric", "spelling"),
    [
        (names.OPERATION_DURATION, "gen_ai_client_operation_duration_seconds"),
        (names.TOKEN_USAGE, "gen_ai_client_token_usage"),
        (names.INPUT_TOKENS, "gen_ai_client_inference_usage_input_tokens_total"),
        (names.COST, "gaugeway_cost_total"),
        (names.DEPENDENCY_UP, "gaugeway_dependency_up"),
        (names.DB_CONNECTIONS, "db_client_connection_count"),
        (names.PROCESS_CPU_TIME, "process_cpu_time_seconds_total"),
        (names.PROCESS_MEMORY, "process_memory_usage_bytes"),
        (names.PROCESS_CPU_UTILIZATION, "process_cpu_utilization_ratio"),
        (names.HTTP_SERVER_ACTIVE, "http_server_active_requests"),
    ],
)
def test_the_prometheus_spelling_is_known(metric: names.Metric, spelling: str) -> None:
    assert metric.prometheus == spelling


def test_the_page_about_telemetry_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == document.document(), "run: python -m otel.document"
