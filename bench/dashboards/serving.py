"""A real Prometheus on a history, and how long it takes to answer."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
import urllib.parse
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench import process
from bench.dashboards.asking import Question
from bench.dashboards.measuring import Asked
from bench.serving import free_port
from stack.binaries import ensure

_START_SECONDS: Final = 120.0
# What takes longer is not waited for.
_QUERY_SECONDS: Final = 10


class RefusedError(RuntimeError):
    """Prometheus did not start, or refused a query; the message carries what it said."""


class Prometheus:
    """Answers questions; as many at once as a panel has, which is how Grafana asks."""

    def __init__(self, port: int, pid: int) -> None:
        self._port = port
        self._pid = pid

    def ask(self, questions: Sequence[Question]) -> Asked:
        """Ask all at once and wait for the last answer."""
        with ThreadPoolExecutor(len(questions)) as threads:
            used, began = process.cpu_seconds(self._pid), time.perf_counter()
            answers = list(threads.map(self._answer, questions))
            seconds = time.perf_counter() - began
            cpu = process.cpu_seconds(self._pid) - used
        return Asked(seconds, cpu, sum(answers))

    def ready(self) -> bool:
        """Whether it answers queries yet."""
        try:
            return self._request("GET", "/-/ready", "")[0] == http.client.OK
        except OSError:
            return False

    def _answer(self, question: Question) -> int:
        """How many series there are; none where Prometheus gave up."""
        form = urllib.parse.urlencode(question.parameters)
        status, body = self._request("POST", f"/api/v1/{question.path}", form)
        answer = json.loads(body)
        if status == http.client.SERVICE_UNAVAILABLE and answer["errorType"] == "timeout":
            return 0
        if status != http.client.OK:
            raise RefusedError(f"{question.parameters['query']}: {answer['error']}")
        return len(answer["data"]["result"])

    def _request(self, method: str, path: str, form: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)
        try:
            headers = {"content-type": "application/x-www-form-urlencoded"}
            connection.request(method, path, form, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@contextmanager
def prometheus(data: Path) -> Generator[Prometheus]:
    """Start it on blocks that it neither drops nor compacts, and stop it."""
    port = free_port()
    configuration, log = data / "prometheus.yaml", data / "prometheus.log"
    # Nothing is scraped and no rule evaluated: what rules record is in the history.
    configuration.write_text("{}\n")
    command = [
        str(ensure(["prometheus"])["prometheus"]),
        f"--config.file={configuration}",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        "--storage.tsdb.max-block-duration=54h",
        f"--query.timeout={_QUERY_SECONDS}s",
    ]
    with log.open("wb") as output:
        child = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            served = Prometheus(port, child.pid)
            _await(served, child, log)
            yield served
        finally:
            child.kill()
            child.wait()


def _await(served: Prometheus, child: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while child.poll() is None and time.monotonic() < end:
        if served.ready():
            return
        time.sleep(0.1)
    raise RefusedError(f"Prometheus did not start:\n{log.read_text()[-2000:]}")
