"""The waterfall of a trace that a real Tempo took and gives back."""

from __future__ import annotations

import os
import secrets
import subprocess
import urllib.request
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import expect

from service.api.admin.trace import tempo_of
from service.web.tempo import TempoReader
from stack.binaries import ensure
from tests.grafana.backends import CONFIGURATIONS, send
from tests.page import tempo
from tests.page.conftest import PageUnderTest
from tests.service.running import wait_for
from tests.service.test_process import free_port

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def real_tempo(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[str, str]]:
    """Where it answers, and where it takes traces."""
    folder: Path = tmp_path_factory.mktemp("tempo")
    port, otlp, inner = free_port(), free_port(), free_port()
    environment = {
        **os.environ,
        "GAUGEWAY_TEMPO_PORT": str(port),
        "GAUGEWAY_TEMPO_OTLP_PORT": str(otlp),
        "GAUGEWAY_TEMPO_GRPC_PORT": str(inner),
        "GAUGEWAY_TEMPO_DATA": str(folder / "data"),
    }
    command = [
        str(ensure(["tempo"])["tempo"]),
        f"-config.file={CONFIGURATIONS / 'tempo.yaml'}",
        "-config.expand-env=true",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for(lambda: _ready(f"http://127.0.0.1:{port}/ready"), "Tempo", 60)
        yield f"http://127.0.0.1:{port}", f"http://127.0.0.1:{otlp}/v1/traces"
    finally:
        process.kill()
        process.wait()


def test_what_tempo_was_sent_is_what_the_waterfall_shows(
    page: PageUnderTest, real_tempo: tuple[str, str]
) -> None:
    url, otlp = real_tempo
    trace_id = secrets.token_hex(16)
    send(otlp, _as_otlp(tempo.chat_trace(), trace_id))
    address = f"{url}/api/traces/{trace_id}"
    wait_for(lambda: _ready(address), "the trace to be found", 30)
    page.service.app.dependency_overrides[tempo_of] = lambda: TempoReader(url)
    try:
        with page.visit() as visit:
            assert visit.open(f"/admin/traces/{trace_id}") == 200
            names = visit.page.locator(".waterfall tbody .name").all_inner_texts()
            assert names == [
                "GET /answer",
                "POST /v1/chat/completions",
                "GET",
                "chat claude-sonnet-4-5",
                "chat gpt-4.1",
            ]
            row = visit.page.locator('[data-span="0000000000000004"]')
            row.locator("summary").click()
            for told in ("The provider is overloaded.", "claude-sonnet-4-5", "ProviderOverloaded"):
                expect(row).to_contain_text(told)
            bar = visit.page.locator('[data-span="0000000000000005"] rect')
            assert bar.get_attribute("x") == "29.33%"
            assert visit.open(f"/admin/traces/{secrets.token_hex(16)}") == 404
            visit.expected = ("404",)
            assert "Tempo has no such trace" in visit.text("#problem")
            visit.keep("trace-real-tempo-missing")
    finally:
        del page.service.app.dependency_overrides[tempo_of]


def _as_otlp(document: tempo.Json, trace_id: str) -> tempo.Json:
    """A trace as applications send it: ids in hexadecimal, numbers instead of names."""
    kinds = {"SPAN_KIND_INTERNAL": 1, "SPAN_KIND_SERVER": 2, "SPAN_KIND_CLIENT": 3}
    for batch in document["batches"]:
        for span in batch["scopeSpans"][0]["spans"]:
            span["traceId"] = trace_id
            span["spanId"] = tempo.decoded(span["spanId"])
            span["kind"] = kinds[span["kind"]]
            if "parentSpanId" in span:
                span["parentSpanId"] = tempo.decoded(span["parentSpanId"])
            if "code" in span["status"]:
                span["status"]["code"] = 2
    return {"resourceSpans": document["batches"]}


def _ready(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
        return answer.status == 200
    return False
