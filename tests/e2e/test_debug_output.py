"""The dev Collector writes every span to its log when asked to, and only then."""

from __future__ import annotations

import os
import subprocess
import urllib.error
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.serving import ROOT, free_port
from stack.binaries import ensure
from tests.e2e.polling import NotYetError, until
from tests.e2e.secured import SPAN_NAME, Sender

PORTS = (
    "GAUGEWAY_OTLP_GRPC_PORT",
    "GAUGEWAY_OTLP_HTTP_PORT",
    "GAUGEWAY_COLLECTOR_HEALTH_PORT",
    "GAUGEWAY_COLLECTOR_METRICS_PORT",
)


@contextmanager
def dev_collector(log: Path, **environment: str) -> Generator[Sender]:
    """The real Collector with dev's pair of files, and nothing behind it."""
    binary = ensure(["collector"])["collector"]
    ports = {name: str(free_port()) for name in PORTS}
    configs = [f"--config={ROOT / 'collector' / name}.yaml" for name in ("base", "dev")]
    with (
        log.open("wb") as sink,
        subprocess.Popen(
            [str(binary), *configs],
            env={"PATH": os.environ["PATH"], **ports, **environment},
            stdout=sink,
            stderr=subprocess.STDOUT,
        ) as child,
    ):
        try:
            yield Sender(f"http://127.0.0.1:{ports['GAUGEWAY_OTLP_HTTP_PORT']}", None, None)
        finally:
            child.terminate()


@pytest.mark.parametrize("verbosity", ["", "detailed"])
def test_spans_are_written_out_on_demand(tmp_path: Path, verbosity: str) -> None:
    log = tmp_path / "collector.log"
    asked = {"GAUGEWAY_COLLECTOR_DEBUG": verbosity} if verbosity else {}

    def sent() -> str:
        try:
            status, trace_id = sender.send_span()
        except urllib.error.URLError as error:
            raise NotYetError(
                f"The Collector does not answer: {error}:\n{log.read_text()}"
            ) from None
        assert status == 200
        return trace_id

    def written() -> str:
        text = log.read_text()
        if '"otelcol.signal": "traces"' not in text:
            raise NotYetError(f"The Collector's log tells of no batch of spans:\n{text}")
        return text

    with dev_collector(log, **asked) as sender:
        trace_id = until(sent, within=30)
        text = until(written, within=15)
    assert (trace_id in text) == (verbosity == "detailed"), text
    assert (SPAN_NAME in text) == (verbosity == "detailed"), text
