"""What a full queue loses the Collector counts under the names that panels and alerts read."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from grafana.dashboards import components
from stack.binaries import ensure
from tests.collector.configurations import COLLECTOR

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

WITHIN = 30.0
TRACE = {"traceId": "1" * 32, "spanId": "2" * 16, "name": "s", "kind": 1}
TIMES = {"startTimeUnixNano": "1", "endTimeUnixNano": "2"}
SPANS = {"resourceSpans": [{"scopeSpans": [{"spans": [{**TRACE, **TIMES}] * 9}]}]}
POINT = {"asInt": "1", "timeUnixNano": "1"}
METRICS = {
    "resourceMetrics": [
        {"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": [POINT] * 9}}]}]}
    ]
}
LOGS = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "line"}}] * 9}]}]}
SIGNALS = {"traces": SPANS, "metrics": METRICS, "logs": LOGS}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, int]]:
    """A Collector as in development, whose queues hold one item and whose backends are away."""
    directory = tmp_path_factory.mktemp("collector")
    queue = {"sending_queue": {"queue_size": 1, "batch": {"min_size": 1, "max_size": 1}}}
    exporters = {f"otlp_http/{backend}": queue for backend in ("tempo", "prometheus", "loki")}
    override = directory / "small.yaml"
    override.write_text(yaml.safe_dump({"exporters": exporters}))
    ports = _free_ports("OTLP_GRPC", "OTLP_HTTP", "COLLECTOR_HEALTH", "COLLECTOR_METRICS")
    files = [COLLECTOR / "base.yaml", COLLECTOR / "dev.yaml", override]
    configurations = [argument for file in files for argument in ("--config", str(file))]
    away = "http://127.0.0.1:1"
    environment = {
        **os.environ,
        **{f"GAUGEWAY_{name}_PORT": str(port) for name, port in ports.items()},
        "GAUGEWAY_TEMPO_OTLP_URL": away,
        "GAUGEWAY_PROMETHEUS_URL": away,
        "GAUGEWAY_LOKI_URL": away,
    }
    binary = ensure(["collector"])["collector"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(binary), *configurations], env=environment, stdout=log, stderr=log
        )
        try:
            _await_healthy(ports["COLLECTOR_HEALTH"], directory / "log")
            yield ports
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("signal", SIGNALS)
def test_what_meets_a_full_queue_is_counted(ports: dict[str, int], signal: str) -> None:
    at = list(SIGNALS).index(signal)
    name = components.ENQUEUE_FAILED[at].prometheus
    deadline = time.monotonic() + WITHIN
    while not (lost := _counted(ports, name)):
        assert time.monotonic() < deadline, f"{name} was not counted within {WITHIN:g} s"
        _send(ports["OTLP_HTTP"], signal)
        time.sleep(0.1)
    assert {"exporter"} <= set(lost)


def _send(port: int, signal: str) -> None:
    url = f"http://127.0.0.1:{port}/v1/{signal}"
    body = json.dumps(SIGNALS[signal]).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    # That the queue is full is told to whoever sent it, who may try again.
    with suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request).close()


def _counted(ports: dict[str, int], name: str) -> list[str]:
    """The labels of a counter that is above 0 on the Collector's own page; empty without one."""
    url = f"http://127.0.0.1:{ports['COLLECTOR_METRICS']}/metrics"
    with urllib.request.urlopen(url) as answer:
        lines = answer.read().decode().splitlines()
    for line in lines:
        if line.startswith(name + "{") and float(line.rpartition(" ")[2]) > 0:
            inside = line[len(name) + 1 : line.rindex("}")]
            return [pair.partition("=")[0] for pair in inside.split(",")]
    return []


def _await_healthy(port: int, log: Path) -> None:
    deadline = time.monotonic() + WITHIN
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/").close()
        except OSError:
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.1)
        else:
            return


def _free_ports(*names: str) -> dict[str, int]:
    sockets = [socket.socket() for _ in names]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = {name: each.getsockname()[1] for name, each in zip(names, sockets, strict=True)}
    for each in sockets:
        each.close()
    return ports
