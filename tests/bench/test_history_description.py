"""What the history of `bench.dashboards` is said to be: the product's own series, and enough."""

from __future__ import annotations

import re
from pathlib import Path

from bench.dashboards import history
from bench.dashboards.stored import WRITER
from grafana.dashboards import recorded
from grafana.dashboards.selectors import ENVIRONMENT, INSTANCE, SERVICE, label
from otel import names
from stack.binaries import COMPONENTS

MODULES = Path(__file__).parents[2]
RESOURCE = {ENVIRONMENT, SERVICE, INSTANCE, "service.version", "job", "instance"}


def test_there_are_ten_thousand_series_over_thirty_days() -> None:
    streams = [*history.pushed(), *history.checked(), *history.by_rules()]
    rolled = [one for one in streams if one.name.startswith("rollup:")]
    every = sum(stream.series for stream in streams)
    # What rollups are rolled up from; of themselves there are half as many.
    assert 10_000 <= every - len(rolled) < 10_500
    assert len(rolled) < 5_500
    described = history.description()
    assert isinstance(described["start_ms"], int)
    assert isinstance(described["end_ms"], int)
    assert described["end_ms"] - described["start_ms"] == 30 * 24 * 3600 * 1000


def test_every_metric_and_every_record_is_described() -> None:
    pushed = {stream.name for stream in history.pushed()}
    assert {metric.prometheus for metric in names.METRICS} <= pushed
    by_rules = {stream.name for stream in history.by_rules()}
    assert {metric.prometheus for metric in recorded.ALL} == by_rules


def test_a_stream_has_the_labels_that_its_metric_declares_and_those_of_its_process() -> None:
    declared = {metric.prometheus: {*metric.attributes} for metric in names.METRICS}
    for stream in history.pushed():
        if stream.name in declared:
            allowed = {label(name) for name in (*declared[stream.name], *RESOURCE)}
            assert set(stream.labels) <= allowed, stream.name


def test_no_series_is_described_twice() -> None:
    streams = [*history.pushed(), *history.checked(), *history.by_rules()]
    assert len({(s.name, *sorted(s.labels.items())) for s in streams}) == len(streams)


def test_a_histogram_counts_as_its_buckets_the_infinite_one_sum_and_count() -> None:
    [lag] = {
        stream.series
        for stream in history.pushed()
        if stream.name == names.EVENT_LOOP_LAG.prometheus
    }
    assert lag == len(names.EVENT_LOOP_LAG.buckets) + 3


def test_counters_of_failures_have_no_series_without_a_type() -> None:
    for stream in history.pushed():
        if stream.name == names.RETRIES.prometheus:
            assert stream.labels["error_type"]


def test_the_writer_is_made_of_the_database_that_the_stack_runs() -> None:
    [prometheus] = [one for one in COMPONENTS if one.name == "prometheus"]
    required = re.search(
        r"github\.com/prometheus/prometheus (\S+)", (WRITER.module_dir / "go.mod").read_text()
    )
    assert required
    assert required[1] == WRITER.module_version == prometheus.module_version
    assert WRITER.version == prometheus.version
