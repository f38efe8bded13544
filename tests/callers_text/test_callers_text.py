"""One word in every place that callers write in is looked for in all that leaves the service."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.callers_text.echo import TARGETS, echoing
from tests.callers_text.places import SECRET, WORD, send_everything
from tests.otel.processes import UVICORN, Application, instrumented
from tests.otel.receiver import Receiver, attributes

COMMAND = instrumented(*UVICORN, "--factory", "--ws", "none", "service.app:create_app")


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with Receiver() as running:
        yield running


def _printed(tmp_path: Path, receiver: Receiver, **variables: str) -> str:
    """Run the service, send it the word everywhere, and stop it; what it printed."""
    home = tmp_path / "home"
    home.mkdir()
    with echoing() as url:
        targets = tmp_path / "targets.yaml"
        targets.write_text(TARGETS.format(url=url))
        settings = {
            "GAUGEWAY_HOME": str(home),
            "GAUGEWAY_TARGETS": str(targets),
            "GAUGEWAY_SIMULATE_CONTROL": "1",
            "FORWARDED_ALLOW_IPS": "*",
            **variables,
        }
        with Application(COMMAND, tmp_path, endpoint=receiver.endpoint, variables=settings) as app:
            port = int(app.url.rpartition(":")[2])
            keys = [(home / name).read_text().strip() for name in ("dev-api-key", "dev-admin-key")]
            answers = send_everything(port, keys)
            app.stop()
            output = app.output
    statuses = {answer.split(b" ", 2)[1] for answer in answers if answer}
    # It went everywhere: what nobody serves proves nothing.
    assert statuses >= {b"200", b"303", b"400", b"401", b"403", b"404", b"405", b"415", b"502"}
    assert sum(WORD.encode() in answer for answer in answers) > 20
    # The metrics for Prometheus were told last, and hold none of it.
    assert b"gaugeway_provider_errors_total" in answers[-1]
    assert WORD.lower().encode() not in answers[-1].lower()
    return output


def _found(receiver: Receiver) -> list[str]:
    """Around each place where the word is."""
    found: list[str] = []
    for path, body in receiver.bodies:
        at = body.lower().find(WORD.lower().encode())
        if at >= 0:
            found.append(f"{path}: {body[max(0, at - 120) : at + 60]!r}")
    return found


@pytest.mark.parametrize(("watcher", "console"), [("native", "human"), ("contrib", "json")])
def test_nothing_a_caller_wrote_leaves_without_content_capture(
    tmp_path: Path, receiver: Receiver, watcher: str, console: str
) -> None:
    printed = _printed(
        tmp_path, receiver, GAUGEWAY_FASTAPI_TELEMETRY=watcher, GAUGEWAY_CONSOLE_LOGS=console
    )
    assert _found(receiver) == []
    assert WORD.lower() not in printed.lower()
    # Access lines are among it.
    assert "GET _OTHER HTTP/1.1" in printed
    assert "POST /v1/chat/completions HTTP/1.1" in printed
    assert {span.name for span in receiver.spans()} >= {"chat echo", "chat refusing", "GET"}
    assert receiver.logs()
    assert receiver.metrics()


def test_with_content_capture_it_is_there_and_credentials_are_not(
    tmp_path: Path, receiver: Receiver
) -> None:
    printed = _printed(
        tmp_path, receiver, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_AND_EVENT"
    )
    spans = receiver.spans()
    told = {key: value for span in spans for key, value in attributes(span.attributes).items()}
    for name in (
        *("gen_ai.input.messages", "gen_ai.request.stop_sequences", "openai.request.service_tier"),
        *("openai.response.service_tier", "gen_ai.output.messages", "url.query"),
    ):
        assert WORD in str(told[name]), name
    assert any(WORD in str(attributes(span.attributes).get("url.path")) for span in spans)
    assert any(WORD in span.status.message for span in spans)
    assert any(WORD in span.trace_state for span in spans)
    assert WORD in printed
    assert SECRET.encode() not in receiver.everything()
    assert SECRET not in printed
