"""Reading from Tempo is bounded in time and size, and says what went wrong."""

from __future__ import annotations

import pytest

from service.web.tempo import TempoReader, TraceNotFound, TraceUnreadable
from tests.page.tempo import chat_trace, tempo

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_a_trace_is_read_whole() -> None:
    with tempo() as server:
        server.answer(chat_trace())
        assert await TempoReader(server.url + "/").trace(TRACE) == server.body


async def test_a_tempo_that_takes_too_long_is_given_up() -> None:
    with tempo() as server:
        server.delay = 1.0
        with pytest.raises(TraceUnreadable, match=r"did not answer within 0\.05 s"):
            await TempoReader(server.url, seconds=0.05).trace(TRACE)


async def test_a_trace_that_is_too_large_is_not_read_to_its_end() -> None:
    with tempo() as server:
        server.body = b"x" * 50_000
        with pytest.raises(TraceUnreadable, match="larger than"):
            await TempoReader(server.url, most_bytes=10_000).trace(TRACE)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "http://user:planted@127.0.0.1:9", "nonsense"]
)
async def test_a_tempo_that_is_not_there_is_said_without_its_address(url: str) -> None:
    with pytest.raises(TraceUnreadable, match="GAUGEWAY_TEMPO_URL") as caught:
        await TempoReader(url).trace(TRACE)
    assert "planted" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


async def test_an_id_that_is_none_is_not_asked_for() -> None:
    with tempo() as server:
        with pytest.raises(TraceNotFound):
            await TempoReader(server.url).trace("../../ready")
        assert server.asked == []
