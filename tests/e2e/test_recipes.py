"""Every query of the recipes answers on a stack with data, and every one of the runbooks runs."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel.coming_from import APPLICATIONS
from service.targets import DEFAULT_PATH
from tests.docs.blocks import DOCS, QUERY_LANGUAGES, Block, blocks
from tests.e2e.columns import METRICS_WITHIN
from tests.e2e.polling import NotYetError, until
from tests.e2e.stack import Stack, running
from tests.grafana.backends import ask

SIMULATE = "x-gaugeway-simulate"
RECIPES = list(blocks(DOCS / "recipes.md", *QUERY_LANGUAGES))
HOMES = [
    Block(
        "telemetry",
        row.names[0],
        row.language,
        row.query,
        row.note,
    )
    for application in APPLICATIONS
    for row in application.rows
    if row.query
]
RUNBOOKS = [
    block
    for page in sorted((DOCS / "runbooks").glob("*.md"))
    for block in blocks(page, *QUERY_LANGUAGES)
]
BUDGETS = """
budgets:
  - {name: everything-daily, window: day, limit: {usd: "10"}}
  - {name: everything-monthly, window: month, limit: {usd: "10"}}
  - name: scarce-monthly
    scope: model
    value: scarce
    window: month
    limit: {requests: 2}
    actions: [{at: 50, do: warn}, {at: 100, do: refuse}]
"""
# How the line below a query begins where there may be no answer.
MAY_BE_EMPTY = "Empty "


@dataclass(frozen=True, slots=True)
class Used:
    """A stack that was used, and one request of it that succeeded."""

    stack: Stack
    trace_id: str
    response_id: str

    def answer(self, block: Block) -> int:
        """How many series, lines or traces the backend of a query finds; fails on a refusal."""
        # The page says so: a TraceQL knows a trace's id without zeros at its beginning.
        trace = self.trace_id.lstrip("0") if block.language == "traceql" else self.trace_id
        query = block.text.replace("TRACE_ID", trace)
        query = query.replace("RESPONSE_ID", self.response_id)
        backends = self.stack.backends
        if block.language == "promql":
            return _results(f"{backends.prometheus}/api/v1/query", query)
        if block.language == "logql":
            return _results(f"{backends.loki}/loki/api/v1/query_range", query)
        # Without a time range Tempo looks only at what came within the last minutes.
        until_now = {"start": str(int(time.time()) - 3600), "end": str(int(time.time()) + 1)}
        found = ask(f"{backends.tempo}/api/search", {"q": query, **until_now})
        return len(found.get("traces") or ())


def _results(url: str, query: str) -> int:
    return len(ask(url, {"query": query})["data"]["result"])


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Generator[Used]:
    """A stack that has seen success, failure, waiting, refusal, saving and an operator."""
    home = tmp_path_factory.mktemp("recipes")
    budgets = home / "budgets.yaml"
    budgets.write_text(BUDGETS)
    environment = {
        "GAUGEWAY_TARGETS": str(_targets(home / "targets.yaml")),
        "GAUGEWAY_BUDGETS": str(budgets),
        "GAUGEWAY_SIMULATE_CONTROL": "1",
    }
    with running(home, environment=environment) as stack:
        yield _use(stack)


def _targets(file: Path) -> Path:
    """The shipped targets, beside one with a budget of its own and one without a price."""
    shipped: dict[str, Any] = yaml.safe_load(DEFAULT_PATH.read_text())
    shipped["targets"]["further"] = {
        "provider": "simulated",
        "retries": {"attempts": 2, "base_delay": 0.05},
        "models": {
            "scarce": {"model": "simulated", "prices": {"input": "0.4", "output": "1.6"}},
            "unpriced": {"model": "nobody-prices-this"},
        },
    }
    file.write_text(yaml.safe_dump(shipped))
    return file


def _use(stack: Stack) -> Used:
    long_prompt = "the night train " * 400
    plain = _chat(stack, headers={"x-gaugeway-component": "search"})
    for _ in range(2):
        _chat(stack, headers={"cache-control": "max-age=60"})
    _chat(stack, stream=True)
    _chat(stack, model="simulated-fallback")
    _chat(stack, model="unpriced")
    assert [_chat(stack, model="scarce").status for _ in range(3)] == [200, 200, 429]
    _chat(stack, simulate={"status": 429, "times": 1, "retry_after": 0})
    assert _chat(stack, simulate={"status": 401}).status >= 500
    _chat(stack, simulate={"latency_ms": 1200})
    _chat(stack, prompt=long_prompt, simulate={"latency_ms": 200})
    deadline = {"x-gaugeway-deadline-ms": "300"}
    assert _chat(stack, simulate={"latency_ms": 5000}, headers=deadline).status == 504
    assert _chat(stack, key="gw_unknown").status == 401
    admin = (stack.home / "dev-admin-key").read_text().strip()
    request = urllib.request.Request(
        f"{stack.service_url}/admin/usage?period=today",
        headers={"authorization": f"Bearer {admin}"},
    )
    urllib.request.urlopen(request, timeout=10).close()
    return Used(stack, plain.trace_id, json.loads(plain.text)["id"])


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    trace_id: str
    text: str


def _chat(
    stack: Stack,
    *,
    model: str = "simulated",
    prompt: str = "What does it cost?",
    stream: bool = False,
    simulate: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    key: str = "",
) -> Answer:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": prompt}]}
    request = urllib.request.Request(
        f"{stack.service_url}/v1/chat/completions",
        json.dumps(body).encode(),
        {
            "authorization": f"Bearer {key or stack.api_key}",
            "content-type": "application/json",
            **({SIMULATE: json.dumps(simulate)} if simulate else {}),
            **(headers or {}),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read().decode()
            return Answer(answer.status, answer.headers["x-trace-id"], text)
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers["x-trace-id"], error.read().decode())


@pytest.mark.parametrize("block", [*RECIPES, *HOMES], ids=str)
def test_a_query_has_an_answer_or_says_why_it_has_none(used: Used, block: Block) -> None:
    if block.below.startswith(MAY_BE_EMPTY):
        used.answer(block)
        return

    def probe() -> None:
        if not used.answer(block):
            raise NotYetError(f"{block}: nothing is found")

    # What is recorded by a rule is evaluated every minute.
    until(probe, within=METRICS_WITHIN + (75 if ":" in block.text else 0), every=1)


def test_most_recipes_have_an_answer() -> None:
    excused = [block for block in RECIPES if block.below.startswith(MAY_BE_EMPTY)]
    assert len(RECIPES) - len(excused) >= 45
    assert len(excused) <= 15


@pytest.mark.parametrize("block", RUNBOOKS, ids=str)
def test_a_runbooks_query_is_understood_by_its_backend(used: Used, block: Block) -> None:
    assert used.answer(block) >= 0


def test_profile_lists_the_worker_that_serves(used: Used) -> None:
    heading, *rows = used.stack.command("profile", "--list").splitlines()
    assert heading.split() == ["pid", "CPU", "seconds", "MiB"]
    [[pid, _, memory]] = [row.split() for row in rows]
    assert b"service.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert float(memory) > 20
