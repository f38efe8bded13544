"""What nobody caught is written down with where it happened; its words are content."""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from otel.settings import ApiSettings, Capture
from service.api.unexpected import log_unexpected
from service.providers.protocol import Call, Chunk, Completion
from service.runtime import Parts
from tests.service.running import running, settings_for

PROMPT = "a prompt nobody may keep"


class QuotingProvider:
    """Fails in words that quote the prompt."""

    async def complete(self, call: Call) -> Completion:
        try:
            call.body[call.body["messages"][0]["content"]]
        except KeyError as error:
            raise RuntimeError(f"cannot make sense of {call.body}") from error
        raise AssertionError

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        yield Chunk({"choices": [{"index": 0, "delta": {"content": "a"}}]}, content=True)
        raise RuntimeError(f"cannot go on with {call.body}")

    async def check(self) -> None:
        return


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("capture", [Capture.NO_CONTENT, Capture.EVENT_ONLY])
def test_the_words_of_an_error_are_logged_only_with_content_capture(
    tmp_path: Path,
    redis_url: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    capture: Capture,
    *,
    stream: bool,
) -> None:
    provider = QuotingProvider()
    parts = Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, provider))
    settings = settings_for(tmp_path, redis_url)
    with running(settings, parts=parts, capture=ApiSettings(capture=capture)) as service:
        if stream:
            with service.open_stream(PROMPT) as opened:
                opened.read_to_end()
        else:
            assert service.chat(PROMPT).status == 500
        exported = [str(record.log_record.attributes) for record in service.telemetry.logs()]
    printed = capfd.readouterr()
    assert "Traceback" in caplog.text
    assert "RuntimeError" in caplog.text
    assert (PROMPT in caplog.text) is capture.on_event
    if not capture.on_event:
        assert PROMPT not in printed.out + printed.err + "".join(exported)


def test_causes_are_told_with_their_frames(caplog: pytest.LogCaptureFixture) -> None:
    def outer() -> None:
        try:
            {}[PROMPT]
        except KeyError as error:
            raise ExceptionGroup(PROMPT, [ValueError(PROMPT), TypeError(PROMPT)]) from error

    with pytest.raises(ExceptionGroup) as raised:
        outer()
    log_unexpected(raised.value, "abc", content=False)
    told = caplog.text
    assert PROMPT not in told
    assert told.index("KeyError") < told.index("ExceptionGroup of ValueError, TypeError")
    assert "in outer" in told


def test_what_the_operating_system_says_is_told(caplog: pytest.LogCaptureFixture) -> None:
    log_unexpected(OSError(errno.ENOSPC, PROMPT, PROMPT), "abc", content=False)
    assert "OSError: No space left on device" in caplog.text
    assert PROMPT not in caplog.text


def test_a_chain_without_end_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    with caplog.at_level(logging.ERROR):
        log_unexpected(first, "abc", content=False)
    assert caplog.text.count("which led to") == 15
