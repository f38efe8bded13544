"""What is captured of requests and streams stays within its limit and hides what a cut parts."""

from __future__ import annotations

from typing import Any

from service.content import Transcript, input_messages


def _chunk(text: str, index: int = 0) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {"content": text}}]}


def _texts(transcript: Transcript) -> list[str]:
    return [message["parts"][0]["content"] for message in transcript.messages()]


def test_a_stream_is_kept_whole_up_to_the_limit() -> None:
    transcript = Transcript(11)
    for text in ("see ", "a://b:c"):
        transcript.add(_chunk(text))
    assert _texts(transcript) == ["see a://b:c"]


def test_a_credential_that_the_end_of_the_room_parts_is_hidden_in_every_choice() -> None:
    transcript = Transcript(60)
    transcript.add(_chunk("see https://me:hunter22"))
    transcript.add(_chunk("x" * 20 + " sk-hunter2222222222222", index=1))
    transcript.add(_chunk("22@host/ and more"))
    first, second = _texts(transcript)
    assert first.startswith("see https://")
    assert second.startswith("x" * 20)
    assert "hunter" not in first + second


def test_messages_and_parts_beyond_the_number_that_counts_are_not_looked_at() -> None:
    parts = [{"type": "text", "text": str(number)} for number in range(1000)]
    messages = [{"role": "user", "content": parts}] * 1000
    found = input_messages({"messages": messages}, most=1500)
    assert found is not None
    assert [len(message["parts"]) for message in found] == [1000, 499]
    assert input_messages({"messages": messages[:1]}) == found[:1]
