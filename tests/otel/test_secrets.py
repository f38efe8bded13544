"""Credentials planted in an application are looked for in everything that leaves it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.otel.processes import UVICORN, Application, instrumented
from tests.otel.receiver import Receiver

SECRET = "Zq8vT3mWx1Lr5Kp9"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize("watcher", ["native", "contrib"])
@pytest.mark.parametrize("capture", ["NO_CONTENT", "SPAN_AND_EVENT"])
def test_planted_credentials_leave_no_trace(
    tmp_path: Path, receiver: Receiver, environment: str, watcher: str, capture: str
) -> None:
    command = instrumented(*UVICORN, "tests.otel.foreign_app:app")
    with Application(
        command,
        tmp_path,
        endpoint=receiver.endpoint,
        variables={
            "GAUGEWAY_ENV": environment,
            "GAUGEWAY_FASTAPI_TELEMETRY": watcher,
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": capture,
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": ".*",
        },
    ) as app:
        import urllib.request

        request = urllib.request.Request(
            f"{app.url}/hello/you?token={SECRET}&api_key={SECRET}&q=my%20sk-{SECRET}"
            f"&next=https%3A%2F%2Fuser%3A{SECRET}%40host.example%2F&by=Bearer+{SECRET}",
            headers={
                "Authorization": f"Bearer {SECRET}",
                "Cookie": f"session={SECRET}",
                "X-Api-Key": SECRET,
                "Traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
                "Tracestate": f"vendor=gw_ab_{SECRET},token={SECRET},other=fine",
                "Baggage": f"key=sk-{SECRET}",
            },
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        assert app.get(f"/refuse?secret={SECRET}")[0] == 401
        assert app.get(f"/fail?secret={SECRET}")[0] == 500
        app.stop()
        printed = app.output
    assert "Traceback" in printed
    assert len(receiver.spans()) == 3
    # The rest of a caller's trace state is content like all that it writes.
    told = {span.trace_state.split(",")[-1] for span in receiver.spans()}
    assert told == ({""} if capture == "NO_CONTENT" else {"", "other=fine"})
    logged = [log.body.string_value for _, log in receiver.logs()]
    assert any("asking again" in body for body in logged)
    for where, body in receiver.bodies:
        at = body.find(SECRET.encode())
        assert at < 0, f"{where}: {body[max(0, at - 200) : at + 50]!r}"
    assert SECRET not in printed
