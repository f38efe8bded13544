"""Prometheus, Loki and Alertmanager as the native stack lays them out, and a webhook they notify.

Only what would take minutes is shortened: how long a condition must last, how often it is looked at
and how long Alertmanager waits for more of a group.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from stack.binaries import ensure
from stack.components.alerting import alertmanager_file, loki_alerts
from stack.components.backends import alertmanager, loki, prometheus, prometheus_directory
from stack.components.component import Component, Process
from stack.plan import lay_out
from stack.settings import Settings

READY = {"prometheus": "/-/ready", "loki": "/ready", "alertmanager": "/-/ready"}
LASTING = "3s"


@dataclass(slots=True)
class Webhook:
    """What a receiver of notifications got, in the order it came."""

    url: str
    notifications: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def alerts(self, name: str) -> list[dict[str, Any]]:
        """Every alert of that name that has been told so far."""
        return [
            alert
            for notification in [*self.notifications]
            for alert in notification["alerts"]
            if alert["labels"]["alertname"] == name
        ]

    def wait_for(self, name: str, *, within: float = 90.0) -> dict[str, Any]:
        """The first alert of that name."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if found := self.alerts(name):
                return found[0]
            time.sleep(0.1)
        raise AssertionError(f"{name} was not received; {self.notifications}")


@contextmanager
def webhook() -> Generator[Webhook]:
    """A receiver on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.notifications.append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Webhook(f"http://127.0.0.1:{server.server_address[1]}/alerts")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def running(
    settings: Settings,
    *,
    alertmanager_alone: bool = False,
    pagerduty_url: str = "http://127.0.0.1:9/",
) -> Generator[None]:
    """The three parts with shortened copies of their rules, stopped at the end."""
    binaries = ensure(["prometheus", "loki", "alertmanager"])
    wanted = (alertmanager,) if alertmanager_alone else (alertmanager, prometheus, loki)
    parts = tuple(part(settings, binaries) for part in wanted)
    lay_out(settings, parts)
    _shorten(prometheus_directory(settings) / "alerts")
    _shorten(loki_alerts(settings) / "fake")
    replace(alertmanager_file(settings), r"group_(wait|interval): \w+", r"group_\1: 1s")
    # PagerDuty has one address for all, which no file of a receiver holds.
    pagerduty = f"global:\n  pagerduty_url: {pagerduty_url}\nroute:"
    replace(alertmanager_file(settings), r"\Aroute:", pagerduty)
    with ExitStack() as stack:
        for part in parts:
            stack.enter_context(_started(settings, part))
        yield


def _shorten(link: Path) -> None:
    """Put a copy in the place of a link to rules."""
    rules = link.resolve(strict=True)
    link.unlink()
    shutil.copytree(rules, link)
    for file in link.iterdir():
        replace(file, r"(?m)^(\s+)for: (?!0s)\w+", rf"\1for: {LASTING}")
        replace(file, r"interval: \w+", "interval: 1s")


def replace(file: Path, pattern: str, by: str) -> None:
    """Change what a pattern finds in a file, at least once."""
    changed, count = re.subn(pattern, by, file.read_text())
    assert count, f"{file} has no {pattern}"
    file.unlink()
    file.write_text(changed)


@contextmanager
def _started(settings: Settings, part: Component) -> Generator[None]:
    assert part.process is not None
    run: Process = part.process
    log = settings.home.log(part.name)
    with log.open("wb") as out:
        process = subprocess.Popen(
            run.command,
            cwd=run.directory,
            env={"PATH": os.environ["PATH"], **run.environment},
            stdout=out,
            stderr=out,
        )
    try:
        _await(part, process, log)
        yield
    finally:
        process.kill()
        process.wait()


def _await(part: Component, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{part.url}{READY[part.name]}", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{part.name} is not ready: {log.read_text()[-2000:]}")


def get(url: str) -> Any:
    """The JSON of an address."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def push_logs(
    url: str,
    count: int,
    *,
    service: str = "gaugeway",
    body: str,
    severity: int = 9,
    attributes: Mapping[str, str | int] | None = None,
) -> None:
    """So many records of one service, sent to Loki as the Collector sends them."""
    now = time.time_ns()
    records = [
        {
            "timeUnixNano": str(now - index),
            "severityNumber": severity,
            "body": {"stringValue": body},
            "attributes": _attributes(attributes or {}),
        }
        for index in range(count)
    ]
    resource = {"service.name": service, "deployment.environment.name": "dev"}
    logs = {
        "resource": {"attributes": _attributes(resource)},
        "scopeLogs": [{"logRecords": records}],
    }
    request = urllib.request.Request(
        f"{url}/otlp/v1/logs",
        json.dumps({"resourceLogs": [logs]}).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()


def _attributes(values: Mapping[str, str | int]) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value},
        }
        for key, value in values.items()
    ]
