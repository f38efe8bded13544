"""`opentelemetry-instrument` gives any FastAPI application its telemetry, and never harms it."""

import signal
import socket
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.otel.processes import UVICORN, Application, instrumented, until
from tests.otel.receiver import Receiver, attributes

FOREIGN = instrumented(*UVICORN, "tests.otel.foreign_app:app")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.mark.parametrize("watcher", ["native", "contrib"])
def test_a_request_is_one_server_span_one_point_and_correlated_logs(
    tmp_path: Path, receiver: Receiver, watcher: str
) -> None:
    variables = {"GAUGEWAY_FASTAPI_TELEMETRY": watcher}
    with Application(FOREIGN, tmp_path, endpoint=receiver.endpoint, variables=variables) as app:
        for _ in range(3):
            assert app.get("/hello/you?api_key=hunter22") == (200, '{"hello":"you"}')
        until(lambda: len(receiver.spans()) >= 3, 2)
        app.stop()
    spans = receiver.spans()
    assert [span.name for span in spans] == ["GET /hello/{name}"] * 3
    assert {span.kind for span in spans} == {Span.SPAN_KIND_SERVER}
    found = attributes(spans[0].attributes)
    assert found["http.request.method"] == "GET"
    assert found["http.route"] == "/hello/{name}"
    assert found["http.response.status_code"] == 200
    assert "http.method" not in found
    (metrics,) = receiver.metrics().values()
    (point,) = metrics["http.server.request.duration"].histogram.data_points
    assert point.count == 3
    assert metrics["http.server.request.duration"].unit == "s"
    hellos = [log for _, log in receiver.logs() if log.body.string_value == "saying hello to you"]
    assert {log.trace_id for log in hellos} == {span.trace_id for span in spans}
    assert "process.cpu.time" in metrics
    assert not [name for name in metrics if name.startswith("system.")]
    resource, _ = receiver.spans_by_resource()[0]
    assert resource["service.name"] == "tested"
    assert resource["deployment.environment.name"] == "dev"
    assert resource["service.instance.id"]


@pytest.mark.parametrize(("sampler", "kept"), [("", 1), ("parentbased_always_on", 0)])
def test_a_caller_cannot_switch_tracing_off_unless_the_operator_lets_it(
    tmp_path: Path, receiver: Receiver, sampler: str, kept: int
) -> None:
    """A caller's "not sampled" would leave a cost without a trace to lead to."""
    variables = {"OTEL_TRACES_SAMPLER": sampler} if sampler else {}
    with Application(FOREIGN, tmp_path, endpoint=receiver.endpoint, variables=variables) as app:
        unsampled = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-00"}
        request = urllib.request.Request(f"{app.url}/hello/you", headers=unsampled)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
        app.stop()
    assert [span.trace_id.hex() for span in receiver.spans()] == ["ab" * 16] * kept


def test_exemplars_of_the_request_duration_lead_to_its_span(
    tmp_path: Path, receiver: Receiver
) -> None:
    with Application(FOREIGN, tmp_path, endpoint=receiver.endpoint) as app:
        app.get("/hello/you")
        app.stop()
    (metrics,) = receiver.metrics().values()
    (point,) = metrics["http.server.request.duration"].histogram.data_points
    assert [exemplar.trace_id for exemplar in point.exemplars] == [receiver.spans()[0].trace_id]


def test_a_request_whose_client_left_ends_too(tmp_path: Path, receiver: Receiver) -> None:
    with Application(FOREIGN, tmp_path, endpoint=receiver.endpoint) as app:
        with socket.create_connection(("127.0.0.1", int(app.url.rsplit(":", 1)[1]))) as client:
            client.sendall(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b"more" in client.recv(4096) + client.recv(4096)
        until(lambda: len(receiver.spans()) == 1, 5)
        app.stop()
    (metrics,) = receiver.metrics().values()
    active = metrics["http.server.active_requests"].sum.data_points
    assert sum(point.as_int for point in active) == 0


def test_the_last_telemetry_survives_each_way_to_end(tmp_path: Path, receiver: Receiver) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        slow = {"OTEL_BSP_SCHEDULE_DELAY": "60000", "OTEL_METRIC_EXPORT_INTERVAL": "60000"}
        receiver.bodies.clear()
        with Application(FOREIGN, tmp_path, endpoint=receiver.endpoint, variables=slow) as app:
            app.get("/hello/you")
            assert app.stop(number) < 5
        assert len(receiver.spans()) == 1
        assert receiver.metrics()


def test_a_call_does_the_same_as_the_command(tmp_path: Path, receiver: Receiver) -> None:
    module = tmp_path / "called.py"
    module.write_text("import otel\notel.setup()\nfrom tests.otel.foreign_app import app\n")
    command = [*UVICORN, "--app-dir", str(tmp_path), "called:app"]
    slow = {"OTEL_BSP_SCHEDULE_DELAY": "60000", "OTEL_METRIC_EXPORT_INTERVAL": "60000"}
    with Application(command, tmp_path, endpoint=receiver.endpoint, variables=slow) as app:
        app.get("/hello/you")
        assert app.stop() < 5
    assert [span.name for span in receiver.spans()] == ["GET /hello/{name}"]
    (metrics,) = receiver.metrics().values()
    (point,) = metrics["http.server.request.duration"].histogram.data_points
    assert point.count == 1


def test_a_call_under_the_command_changes_nothing(tmp_path: Path, receiver: Receiver) -> None:
    module = tmp_path / "called.py"
    module.write_text("import otel\notel.setup()\nfrom tests.otel.foreign_app import app\n")
    command = instrumented(*UVICORN, "--app-dir", str(tmp_path), "called:app")
    with Application(command, tmp_path, endpoint=receiver.endpoint) as app:
        app.get("/hello/you")
        app.stop()
    assert len(receiver.spans()) == 1
    bodies = Counter(log.body.string_value for _, log in receiver.logs())
    assert bodies["saying hello to you"] == 1


def test_machines_asking_for_health_leave_no_spans(tmp_path: Path, receiver: Receiver) -> None:
    with Application(FOREIGN, tmp_path, endpoint=receiver.endpoint) as app:
        app.get("/healthz")
        app.stop()
    assert receiver.spans() == []


def test_the_lag_of_the_event_loop_is_measured(tmp_path: Path, receiver: Receiver) -> None:
    quick = {"OTEL_METRIC_EXPORT_INTERVAL": "100"}
    with Application(FOREIGN, tmp_path, endpoint=receiver.endpoint, variables=quick) as app:

        def is_measured() -> bool:
            return any("gaugeway.event_loop.lag" in found for found in receiver.metrics().values())

        until(is_measured, 5)
        app.stop()


def test_a_disabled_sdk_installs_nothing(tmp_path: Path, receiver: Receiver) -> None:
    with Application(
        FOREIGN, tmp_path, endpoint=receiver.endpoint, variables={"OTEL_SDK_DISABLED": "true"}
    ) as app:
        assert app.get("/hello/you")[0] == 200
        app.stop()
    assert receiver.bodies == []


@pytest.mark.parametrize(
    "broken",
    [
        {"OTEL_TRACES_EXPORTER": "nonsense"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "::not a url::"},
        {"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere/ca.pem"},
        {"OTEL_TRACES_SAMPLER": "nonsense"},
        {"OTEL_METRIC_EXPORT_INTERVAL": "often"},
        {"OTEL_BSP_MAX_QUEUE_SIZE": "-1"},
        {"XDG_RUNTIME_DIR": "/proc/nowhere"},
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_no_setting_of_telemetry_keeps_an_application_from_serving(
    tmp_path: Path, broken: dict[str, str]
) -> None:
    with Application(FOREIGN, tmp_path, variables=broken) as app:
        assert app.get("/hello/you")[0] == 200
        assert app.stop() < 5.5


def test_standard_variables_reach_the_receiver(tmp_path: Path, receiver: Receiver) -> None:
    with Application(
        FOREIGN,
        tmp_path,
        endpoint=receiver.endpoint,
        variables={
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20t0ken,x-scope=a",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,team=blue",
            "OTEL_TRACES_SAMPLER": "always_off",
            "OTEL_LOGS_EXPORTER": "none",
        },
    ) as app:
        app.get("/hello/you")
        app.stop()
    assert receiver.spans() == []
    assert receiver.logs() == []
    assert {headers["authorization"] for headers in receiver.headers} == {"Bearer t0ken"}
    assert receiver.metrics()
    assert b"blue" in receiver.everything()


def test_outside_dev_every_line_is_json_with_its_trace(tmp_path: Path, receiver: Receiver) -> None:
    import json

    with Application(
        FOREIGN, tmp_path, endpoint=receiver.endpoint, variables={"GAUGEWAY_ENV": "prod"}
    ) as app:
        app.get("/hello/you")
        until(lambda: "saying hello" in app.output)
        app.stop()
        lines = [json.loads(line) for line in app.output.splitlines()]
    (hello,) = [line for line in lines if line["message"] == "saying hello to you"]
    assert bytes.fromhex(hello["trace_id"]) == receiver.spans()[0].trace_id
    assert hello["level"] == "INFO"
    assert hello["logger"] == "foreign"


@pytest.mark.parametrize(("status", "delay"), [(500, 0.0), (200, 10.0)], ids=["500", "slow"])
def test_a_sick_receiver_is_not_felt(
    tmp_path: Path, receiver: Receiver, status: int, delay: float
) -> None:
    receiver.status, receiver.delay = status, delay
    with Application(FOREIGN, tmp_path, endpoint=receiver.endpoint) as app:
        for _ in range(50):
            assert app.get("/hello/you")[0] == 200
        assert app.stop() < 5.5
        complaints = [line for line in app.output.splitlines() if "opentelemetry" in line]
    assert len(complaints) <= 8


def test_an_absent_receiver_is_not_felt(tmp_path: Path) -> None:
    with Application(FOREIGN, tmp_path) as app:
        for _ in range(50):
            assert app.get("/hello/you")[0] == 200
        assert app.stop() < 5.5
        complaints = [line for line in app.output.splitlines() if "opentelemetry" in line]
    assert 1 <= len(complaints) <= 8
