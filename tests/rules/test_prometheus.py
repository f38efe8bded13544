"""What promtool cannot show: a counter's first sample as it is pushed, and what is sent on."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stack.binaries import ensure
from tests.rules.promtool import ALERTS, RECORDING_RULES, REPOSITORY

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

HOUR = 3600


@dataclass(slots=True)
class Received:
    """The alerts that Prometheus sent to its Alertmanager."""

    alerts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def named(self, name: str, *, within: float) -> dict[str, Any]:
        end = time.monotonic() + within
        while time.monotonic() < end:
            for alert in [*self.alerts]:
                if alert["labels"]["alertname"] == name:
                    return alert
            time.sleep(0.1)
        raise AssertionError(f"{name} was not sent; {self.alerts}")


@contextmanager
def alertmanager() -> Generator[tuple[int, Received]]:
    """An Alertmanager that only listens."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.alerts += json.loads(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], received
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def prometheus(directory: Path, alertmanager_port: int) -> Generator[str]:
    """The repository's configuration and rules, with addresses for links."""
    shutil.copy(REPOSITORY / "backends" / "prometheus.yaml", directory)
    (directory / "targets").mkdir()
    (directory / "rules").mkdir()
    for number, file in enumerate((ALERTS, RECORDING_RULES)):
        shutil.copy(file, directory / "rules" / f"{number}.yaml")
    targets = [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]
    (directory / "targets" / "alertmanager.yaml").write_text(json.dumps(targets))
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                ensure(["prometheus"])["prometheus"],
                f"--config.file={directory / 'prometheus.yaml'}",
                f"--web.listen-address={url.removeprefix('http://')}",
                f"--storage.tsdb.path={directory / 'data'}",
                "--web.enable-otlp-receiver",
                "--enable-feature=exemplar-storage,created-timestamp-zero-ingestion",
            ],
            env={**os.environ, "GAUGEWAY_GRAFANA_URL": "https://grafana.example.com/"},
            stdout=log,
            stderr=log,
        )
    try:
        _await(url)
        yield url
    finally:
        process.kill()
        process.wait()


def _await(url: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/-/ready", timeout=2).close()
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)
        else:
            return


def push(url: str, *, started_before: float) -> None:
    """One 401, the first sample of a counter, from a process that began so many seconds ago."""
    now = time.time_ns()
    point = {
        "startTimeUnixNano": str(now - int(started_before * 1e9)),
        "timeUnixNano": str(now),
        "asInt": "1",
        "attributes": _attributes(
            {
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o",
                "http.response.status_code": "401",
            }
        ),
    }
    counter = {
        "name": "gaugeway.provider.errors",
        "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]},
    }
    resource = {"service.name": "gaugeway", "deployment.environment.name": "dev"}
    metrics = {
        "resource": {"attributes": _attributes(resource)},
        "scopeMetrics": [{"metrics": [counter]}],
    }
    request = urllib.request.Request(
        f"{url}/api/v1/otlp/v1/metrics",
        json.dumps({"resourceMetrics": [metrics]}).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()


def _attributes(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


# Prometheus puts a 0 where the process began: within the alert's window, before it, or nowhere,
# since a sample of hours ago is too old to be taken.
@pytest.mark.parametrize("started_before", [60, HOUR / 2, 3 * HOUR])
def test_a_single_401_is_sent_on_at_once(tmp_path: Path, started_before: float) -> None:
    with alertmanager() as (port, received), prometheus(tmp_path, port) as url:
        push(url, started_before=started_before)
        alert = received.named("ProviderCredentials", within=60)
        assert alert["labels"] == {
            "alertname": "ProviderCredentials",
            "severity": "critical",
            "team": "ops",
            "deployment_environment_name": "dev",
            "gen_ai_provider_name": "openai",
            "gen_ai_request_model": "gpt-4o",
            "http_response_status_code": "401",
        }
        link = alert["annotations"]["dashboard_url"]
        assert link.startswith("https://grafana.example.com/d/provider-health?viewPanel=")
        assert link.endswith("&var-environment=dev")
        assert alert["annotations"]["runbook_url"] == "docs/runbooks/ProviderCredentials.md"
