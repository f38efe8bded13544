"""staging and prod as they run: who may send, and what survives."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import time
import urllib.error
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import certifi
import pytest

from bench.load import Question
from otel import names
from otel.names import USAGE_BODY
from service.keys import add_key
from stack.credentials import tls_material
from stack.home import Home
from stack.observations import BackendError
from stack.settings import TlsFiles
from stack.supervision.client import SupervisorClient
from tests.e2e.columns import METRICS_WITHIN, SPANS_WITHIN, sum_of
from tests.e2e.matrix import SCENARIOS
from tests.e2e.polling import NotYetError, until
from tests.e2e.secured import Sender
from tests.e2e.stack import Stack, running
from tests.e2e.stopping import stopped_under_load
from tests.e2e.targets import write_targets

PLAIN = next(scenario for scenario in SCENARIOS if scenario.name == "plain")
ENVIRONMENTS = ("staging", "prod")
WORKERS = 4
ANSWERS = 80
BACKENDS = ("tempo", "loki")


@dataclass(frozen=True, slots=True)
class Secured:
    """A stack outside dev, how its Collector is spoken to, and the service's key."""

    stack: Stack
    sender: Sender
    api_key: str

    def stop(self, *names: str) -> None:
        """Stop parts and leave the others."""
        self._each(names, start=False)

    def start(self, *names: str) -> None:
        """Start parts that were stopped."""
        self._each(names, start=True)

    def _each(self, names: tuple[str, ...], *, start: bool) -> None:
        client = SupervisorClient(Home(self.stack.home).socket)

        async def each() -> None:
            for name in names:
                await (client.start(name) if start else client.stop(name))

        asyncio.run(each())


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def secured(request: pytest.FixtureRequest) -> Generator[Secured]:
    env = str(request.param)
    with tempfile.TemporaryDirectory(prefix=f"gaugeway-{env}-") as directory:
        home = Path(directory)
        environment = {
            "GAUGEWAY_TARGETS": str(write_targets(home / "targets.yaml", SCENARIOS)),
            "GAUGEWAY_WORKERS": str(WORKERS),
            # Whom the machine trusts on the internet says nothing about the Collector.
            "REQUESTS_CA_BUNDLE": certifi.where(),
        }
        key = add_key(home, "e2e", "app")
        with running(home, environment=environment, env=env) as started:
            material = tls_material(Home(home), TlsFiles(), datetime.now(UTC))
            context = ssl.create_default_context(cafile=str(material.authority))
            sender = Sender(started.urls["collector"], context, material.token)
            yield Secured(started, sender, key)


def test_a_sender_without_the_token_is_refused(secured: Secured) -> None:
    assert secured.sender.url.startswith("https://")
    for token in (None, "wrong"):
        status, trace_id = replace(secured.sender, token=token).send_span()
        assert status == 401, f"token {token!r} was answered {status}"
        assert secured.stack.backends.spans(trace_id) == ()
    status, trace_id = secured.sender.send_span()
    assert status == 200
    _arrives(secured, trace_id)


def test_a_collector_of_another_authority_is_refused(secured: Secured) -> None:
    stranger = replace(secured.sender, context=ssl.create_default_context())
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.send_span()


def test_plain_text_is_refused(secured: Secured) -> None:
    plain = replace(secured.sender, url=secured.sender.url.replace("https://", "http://"))
    status, trace_id = plain.send_span()
    assert status == 400
    assert secured.stack.backends.spans(trace_id) == ()


def test_four_workers_stopped_under_load_lose_nothing_on_the_way(secured: Secured) -> None:
    began = time.time()
    answers = asyncio.run(
        stopped_under_load(
            secured.stack.service_url,
            {"authorization": f"Bearer {secured.api_key}"},
            [Question(PLAIN.model)],
            after=ANSWERS,
            stop=lambda: secured.stop("service"),
        )
    )
    wanted = {trace_id for trace_id, (_, status) in answers.traces.items() if status == 200}
    query = sum_of(names.OPERATION_DURATION, {"gen_ai_request_model": PLAIN.model})
    logql = f'{{service_name="gaugeway"}} |= "{USAGE_BODY}"'

    def counted() -> None:
        value = secured.stack.backends.value(query)
        if value != len(wanted):
            raise NotYetError(f"Prometheus: {query} is {value}, expected {len(wanted)}")

    def recorded() -> None:
        lines = secured.stack.backends.lines(logql, since=began - 5, until=time.time() + 5)
        found = Counter(line.fields["trace_id"] for line in lines)
        if found != Counter(wanted):
            lost, more = len(wanted - found.keys()), found.total() - len(found.keys() & wanted)
            raise NotYetError(
                f"Loki: {logql} has {found.total()} records of {len(wanted)} requests answered: "
                f"{lost} lost, {more} doubled or of no answer"
            )

    until(counted, within=METRICS_WITHIN)
    until(recorded, within=SPANS_WITHIN)
    for trace_id in sorted(wanted)[:: len(wanted) // 8]:
        _arrives(secured, trace_id)


def test_what_a_backend_missed_survives_a_restart_of_the_collector(secured: Secured) -> None:
    began = time.time()
    secured.stop(*BACKENDS)
    status, trace_id = secured.sender.send_span()
    assert status == 200
    text = f"queued {trace_id}"
    assert secured.sender.send_log(text) == 200
    secured.stop("collector")
    secured.start("collector")
    secured.start(*BACKENDS)
    _arrives(secured, trace_id)
    logql = f'{{service_name="e2e"}} |= "{text}"'

    def probe() -> None:
        try:
            lines = secured.stack.backends.lines(logql, since=began - 5, until=time.time() + 5)
        except BackendError as error:
            raise NotYetError(str(error)) from None
        if len(lines) != 1:
            raise NotYetError(f"Loki: {logql} gave {len(lines)} lines, expected 1")

    until(probe, within=60)


def test_the_collector_reports_on_itself(secured: Secured) -> None:
    _self_telemetry(secured.stack)


def test_the_collector_reports_on_itself_in_dev(stack: Stack) -> None:
    _self_telemetry(stack)


def _self_telemetry(stack: Stack) -> None:
    query = "sum(otelcol_exporter_queue_capacity)"

    def probe() -> None:
        if not stack.backends.value(query):
            scraped = {one.labels["job"]: one.value for one in stack.backends.series("up")}
            raise NotYetError(f"Prometheus: {query} has no series; up: {scraped}")

    until(probe, within=METRICS_WITHIN)


def _arrives(secured: Secured, trace_id: str) -> None:
    def probe() -> None:
        try:
            spans = secured.stack.backends.spans(trace_id)
        except BackendError as error:
            raise NotYetError(str(error)) from None
        if not spans:
            raise NotYetError(f"Tempo does not know the trace {trace_id}")

    until(probe, within=60)
