"""The Prometheus text: each family once, every worker in it, nothing taken from what is pushed."""

import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from opentelemetry.sdk.resources import Resource
from prometheus_client.parser import text_string_to_metric_families

from otel import names
from otel.bootstrap import pipeline
from otel.bootstrap import workers as workers_module
from otel.bootstrap.prometheus import ProcessExposition, merged
from otel.bootstrap.settings import BootstrapSettings
from otel.bootstrap.workers import Workers
from otel.exposition import render
from otel.instruments import Instruments, instruments_of
from tests.otel.receiver import Receiver

SETTINGS = BootstrapSettings(traces=(), logs=(), metric_interval=60)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[pipeline.Pipeline]:
    with Receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        parts = pipeline.build(SETTINGS, Resource.create({"service.name": "test"}))
        yield parts
        parts.shutdown(2)


def _record(instruments: Instruments) -> None:
    instruments.cost.add(0.5, {"gen_ai.operation.name": "chat", "gaugeway.app": 'a"b\nc\\'})
    instruments.operation_duration.record(0.3, {"gen_ai.operation.name": "chat"})
    instruments.dependency_up.set(1, {"gaugeway.dependency.name": "redis"})


def test_names_and_values_are_those_that_prometheus_gets_over_otlp(
    parts: pipeline.Pipeline,
) -> None:
    _record(instruments_of(parts.meter_provider))
    exposition = ProcessExposition(parts.meter_provider, parts.readers[0])
    for _ in range(2):
        text = exposition.render().decode()
        families = {family.name: family for family in text_string_to_metric_families(text)}
        (cost,) = families[names.COST.prometheus.removesuffix("_total")].samples
        assert cost.name == names.COST.prometheus
        assert cost.value == 0.5
        assert cost.labels["gaugeway_app"] == 'a"b\nc\\'
        assert cost.labels["service_instance_id"]
        counts = families[names.OPERATION_DURATION.prometheus].samples
        assert {sample.labels["le"]: sample.value for sample in counts if "le" in sample.labels}[
            "0.32"
        ] == 1
        assert families[names.DEPENDENCY_UP.prometheus].samples[0].value == 1
        assert "target" in {name.removesuffix("_info") for name in families}


def test_a_scrape_does_not_disturb_what_is_pushed_as_deltas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
    with Receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        parts = pipeline.build(SETTINGS, Resource.create({}))
        exposition = ProcessExposition(parts.meter_provider, parts.readers[0])
        _record(instruments_of(parts.meter_provider))
        assert b"gaugeway_cost_total{" in exposition.render()
        assert b"gaugeway_cost_total{" in exposition.render()
        parts.shutdown(2)
        (metrics,) = receiver.metrics().values()
    (point,) = metrics[names.COST.name].sum.data_points
    assert point.as_double == 0.5


def test_a_large_metric_is_written_whole(parts: pipeline.Pipeline) -> None:
    counter = parts.meter_provider.get_meter("test").create_counter("many")
    for number in range(1500):
        counter.add(1, {"number": number})
    text = ProcessExposition(parts.meter_provider, parts.readers[0]).render()
    assert text.count(b"many_total{") == 1500
    assert text.count(b"# TYPE many_total") == 1


def test_families_of_several_workers_are_joined() -> None:
    first = b'# HELP a x\n# TYPE a counter\na{w="1"} 1\n# HELP b x\n# TYPE b gauge\nb{w="1"} 2\n'
    second = b'# HELP b x\n# TYPE b gauge\nb{w="2"} 3\n# HELP c x\n# TYPE c gauge\nc{w="2"} 4\n'
    assert merged([first, second, b""]) == (
        b'# HELP a x\n# TYPE a counter\na{w="1"} 1\n'
        b'# HELP b x\n# TYPE b gauge\nb{w="1"} 2\nb{w="2"} 3\n'
        b'# HELP c x\n# TYPE c gauge\nc{w="2"} 4\n'
    )


def test_without_telemetry_the_text_is_empty() -> None:
    text, content_type = render()
    assert text == b""
    assert content_type.startswith("text/plain")


def test_workers_that_hang_cost_a_scrape_the_patience_for_one() -> None:
    with tempfile.TemporaryDirectory(prefix="gw-") as directory, ExitStack() as sockets:
        root = Path(directory)
        workers = Workers(
            root, "group", lambda: b"# HELP own x\n# TYPE own counter\nown_total 1.0\n"
        )
        sockets.callback(workers.close)
        for name in ("a", "b", "c", "d"):
            hung = sockets.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            hung.bind(str(root / "group" / f"{name}.sock"))
            hung.listen()
        began = time.monotonic()
        text = workers.render_all()
        assert b"own_total 1.0" in text
        assert time.monotonic() - began < 2 * workers_module._PATIENCE  # pyright: ignore[reportPrivateUsage] - the bound under test
