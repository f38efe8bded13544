"""Runs docker-compose.yml in a real engine and follows one request through every backend.

    python -m tests.compose.engine_check [--env dev|staging|prod] [--without grafana] [--no-build]

For a machine with a Docker engine, on real images or the stand-ins of stand_in_images.sh. It uses
free ports and a project of its own, removes all of it at the end, and prints one JSON line; what is
not as it should be ends it with status 1 and a sentence.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.compose.rendering import CHECKOUT, COMPOSE, ENVIRONMENTS

VISIBLE_WITHIN_SECONDS = 60.0
STOPPED_WITHIN_SECONDS = 30.0
PORTS = (
    "GAUGEWAY_SERVICE_PORT",
    "GAUGEWAY_OTLP_GRPC_PORT",
    "GAUGEWAY_OTLP_HTTP_PORT",
    "GAUGEWAY_PROMETHEUS_PORT",
    "GAUGEWAY_GRAFANA_PORT",
    "GAUGEWAY_ALERTMANAGER_PORT",
    "GAUGEWAY_LOKI_PORT",
    "GAUGEWAY_TEMPO_PORT",
)
ADD_KEY = ("gaugeway", "keys", "create", "check")


class Wrong(Exception):  # noqa: N818 - says what is wrong
    """Something in the running project is not as it should be."""


class Project:
    """One compose project under a name, ports and secrets of its own."""

    def __init__(self, environment: str, secrets: Path) -> None:
        self.environment = environment
        self.secrets = secrets
        self.ports = _free_ports()
        self._environ = {
            **os.environ,
            **{name: str(port) for name, port in self.ports.items()},
            "GAUGEWAY_ENV": environment,
            "GAUGEWAY_SECRETS_DIR": str(secrets),
            "COMPOSE_PROJECT_NAME": f"gaugeway-check-{os.getpid()}",
        }

    def compose(self, *arguments: str, timeout: float = 600) -> str:
        """Run a compose command and return what it wrote; raises `Wrong`."""
        answer = subprocess.run(
            [COMPOSE, "--progress", "quiet", "--env-file", os.devnull, *arguments],
            cwd=CHECKOUT,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if answer.returncode != 0:
            raise Wrong(f"compose {' '.join(arguments)}: {answer.stderr.strip()[-2000:]}")
        return answer.stdout

    def ask(self, url: str) -> Any:
        """GET a backend's JSON from inside, where it is reachable in every environment."""
        text = self.compose("exec", "-T", "prometheus", "wget", "-q", "-O", "-", url)
        return json.loads(text)

    def send(
        self, path: str, body: Mapping[str, Any] | None = None, token: str = ""
    ) -> tuple[int, Mapping[str, str]]:
        """Send a request to the service's published port: status and headers."""
        return _http(f"http://127.0.0.1:{self.ports['GAUGEWAY_SERVICE_PORT']}{path}", body, token)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the check; 0 when everything was as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.compose.engine_check")
    parser.add_argument("--env", choices=ENVIRONMENTS, default="dev")
    parser.add_argument("--without", action="append", default=[], metavar="SERVICE")
    parser.add_argument("--no-build", action="store_true", help="take the service's image as it is")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        project = Project(given.env, _make_secrets(Path(directory) / "secrets"))
        try:
            report = _check(project, set(given.without), build=not given.no_build)
        except Wrong as problem:
            print(f"{problem}\n{_logs(project)}", file=sys.stderr)
            return 1
        finally:
            project.compose("down", "--volumes", "--remove-orphans")
    print(json.dumps(report))
    return 0


def _check(project: Project, without: set[str], *, build: bool) -> dict[str, Any]:
    wanted = [
        name
        for name in project.compose("config", "--services").split()
        if name not in without and name != "load"
    ]
    began = time.monotonic()
    project.compose("up", "--detach", "--wait", *(() if build else ("--no-build",)), *wanted)
    report: dict[str, Any] = {"env": project.environment, "services": sorted(wanted)}
    report["up_s"] = round(time.monotonic() - began, 1)
    report["visible_after_s"] = _follow_one_request(project)
    _see_doors(project, grafana="grafana" in wanted)
    began = time.monotonic()
    project.compose("stop")
    report["stopped_s"] = round(time.monotonic() - began, 1)
    _require(report["stopped_s"] < STOPPED_WITHIN_SECONDS, f"stopping took {report['stopped_s']} s")
    return report


def _follow_one_request(project: Project) -> dict[str, float]:
    key = project.compose("exec", "-T", "service", *ADD_KEY).strip()
    body = {"model": "simulated", "messages": [{"role": "user", "content": "Hello"}]}
    status, headers = project.send("/v1/chat/completions", body, key)
    _require(status == 200, f"the service answered {status}")
    trace = headers["x-trace-id"]
    sent = time.monotonic()
    query = urllib.parse.quote(f'{{service_name="gaugeway"}} | trace_id="{trace}"')
    loki = f"http://loki:3100/loki/api/v1/query_range?query={query}"
    cost = "http://127.0.0.1:9090/api/v1/query?query=gaugeway_cost_total"
    signals: dict[str, Callable[[], bool]] = {
        "trace": lambda: bool(project.ask(f"http://tempo:3200/api/traces/{trace}")["batches"]),
        "log": lambda: "usage recorded" in str(project.ask(loki)["data"]["result"]),
        "metric": lambda: "check" in str(project.ask(cost)["data"]["result"]),
    }
    seen: dict[str, float] = {}
    while len(seen) < len(signals):
        missing = sorted(set(signals) - set(seen))
        late = time.monotonic() - sent > VISIBLE_WITHIN_SECONDS
        _require(not late, f"not seen within {VISIBLE_WITHIN_SECONDS:.0f} s: {', '.join(missing)}")
        for name in missing:
            if _holds(signals[name]):
                seen[name] = round(time.monotonic() - sent, 1)
        time.sleep(0.5)
    return seen


def _see_doors(project: Project, *, grafana: bool) -> None:
    """Who may see what, in this environment."""
    token = (project.secrets / "scrape_token").read_text()
    secured = project.environment != "dev"
    _require(project.send("/metrics")[0] == (401 if secured else 200), "/metrics without a token")
    _require(project.send("/metrics", token=token)[0] == 200, "/metrics with the token")
    otlp = project.ports["GAUGEWAY_OTLP_HTTP_PORT"]
    if secured:
        plain = _http(f"http://127.0.0.1:{otlp}/v1/traces", {})[0]
        _require(plain == 400, f"the Collector answered {plain} to plain HTTP")
    if not grafana:
        return
    address = f"http://127.0.0.1:{project.ports['GAUGEWAY_GRAFANA_PORT']}"
    _require(_http(f"{address}/api/health")[0] == 200, "Grafana's health")
    _require(_http(f"{address}/api/search")[0] == (401 if secured else 200), "Grafana, no login")
    login = {"user": "admin", "password": "admin"}
    _require(_http(f"{address}/login", login)[0] != 200, "Grafana takes a default password")
    if secured:
        login["password"] = (project.secrets / "grafana_password").read_text()
        _require(_http(f"{address}/login", login)[0] == 200, "Grafana's own password")


def _http(
    url: str, body: Mapping[str, Any] | None = None, token: str = ""
) -> tuple[int, Mapping[str, str]]:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, {}


def _holds(question: Callable[[], bool]) -> bool:
    # Asked too early, a backend answers 404, or with nothing yet.
    try:
        return question()
    except (Wrong, KeyError, json.JSONDecodeError):
        return False


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Wrong(otherwise)


def _make_secrets(folder: Path) -> Path:
    shell = shutil.which("sh")
    if shell is None:
        raise Wrong("no sh on PATH")
    script = CHECKOUT / "compose" / "make-secrets.sh"
    subprocess.run([shell, script, folder], check=True, capture_output=True, timeout=60)
    return folder


def _free_ports() -> dict[str, int]:
    sockets = {name: socket.socket() for name in PORTS}
    for one in sockets.values():
        one.bind(("127.0.0.1", 0))
    ports = {name: one.getsockname()[1] for name, one in sockets.items()}
    for one in sockets.values():
        one.close()
    return ports


def _logs(project: Project) -> str:
    try:
        return project.compose("ps", "--all") + project.compose("logs", "--tail", "15")
    except Wrong as problem:
        return str(problem)


if __name__ == "__main__":
    sys.exit(main())
