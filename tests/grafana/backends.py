"""Real backends without a Collector before them: a Prometheus, a Loki and a Tempo of this run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.binaries import ensure

CONFIGURATIONS = Path(__file__).parents[2] / "backends"


@dataclass(frozen=True, slots=True)
class Backends:
    """Where they listen."""

    prometheus: str
    loki: str
    tempo: str


def ask(url: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The JSON of a GET; what the backend says is wrong with the query fails the test."""
    try:
        with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(parameters)}") as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{error.code}: {error.read().decode()[:500]}") from None


def send(url: str, body: Mapping[str, Any]) -> None:
    """POST JSON, such as an OTLP export."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request).close()


@contextmanager
def running(directory: Path) -> Generator[Backends]:
    """Start all three with the repository's configurations, wait for them, stop them."""
    ports = _free_ports("prometheus", "loki", "loki_grpc", "tempo", "tempo_grpc", "tempo_otlp")
    urls = {name: f"http://127.0.0.1:{ports[name]}" for name in ("prometheus", "loki", "tempo")}
    environment = {
        **os.environ,
        **{f"GAUGEWAY_{name.upper()}_PORT": str(port) for name, port in ports.items()},
        "GAUGEWAY_LOKI_DATA": str(directory / "loki"),
        "GAUGEWAY_TEMPO_DATA": str(directory / "tempo"),
    }
    with ExitStack() as stack:
        for name, command in _commands(directory, ports["prometheus"]).items():
            log = stack.enter_context((directory / f"{name}.log").open("wb"))
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            stack.callback(_stop, process)
            _await(urls[name], process, directory / f"{name}.log")
        yield Backends(**urls)


def _commands(directory: Path, prometheus_port: int) -> dict[str, list[str]]:
    binaries = ensure(["prometheus", "loki", "tempo"])
    # Beside a copy of its own it finds no targets to scrape and no rules.
    copied = directory / "prometheus.yaml"
    copied.write_bytes((CONFIGURATIONS / "prometheus.yaml").read_bytes())
    return {
        "prometheus": [
            str(binaries["prometheus"]),
            f"--config.file={copied}",
            f"--web.listen-address=127.0.0.1:{prometheus_port}",
            f"--storage.tsdb.path={directory / 'prometheus'}",
        ],
        "loki": _expanded(binaries["loki"], "loki"),
        "tempo": _expanded(binaries["tempo"], "tempo"),
    }


def _free_ports(*names: str) -> dict[str, int]:
    """Ports that nobody listens on at this moment, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in names]
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        return {name: bound.getsockname()[1] for name, bound in zip(names, sockets, strict=True)}


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Nothing they hold is worth an orderly end."""
    process.kill()
    process.wait()


def _expanded(binary: Path, name: str) -> list[str]:
    return [str(binary), f"-config.file={CONFIGURATIONS / name}.yaml", "-config.expand-env=true"]


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    path = "-/ready" if log.stem == "prometheus" else "ready"
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{url}/{path}", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{url} is not ready: {log.read_text()[-2000:]}")
