from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from service.errors import (
    ProviderError,
    ProviderFailed,
    ProviderInvalidResponse,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderStreamInterrupted,
    ProviderTimeout,
)
from service.providers.openai import OpenAIProvider, openai
from service.providers.protocol import Call, Timeouts
from service.providers.transport import AiohttpTransport
from service.tokens import Usage
from tests.service.providers import wire
from tests.service.providers.openai_wire import ANSWER, DONE, USAGE_CHUNK, chunk, event


@pytest.fixture
def provider(transport: AiohttpTransport, upstream: wire.Upstream) -> OpenAIProvider:
    return openai(wire.connection(upstream.url + "/v1"), transport)


class TestStream:
    async def test_chunks_come_as_sent_and_usage_last(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        first = chunk({"role": "assistant", "content": ""}, system_fingerprint="fp_1")
        middle = chunk({"content": "Grüß"})
        last = chunk({}, "stop")
        upstream.streams([event(first), event(middle), event(last), event(USAGE_CHUNK), DONE])
        chunks = await wire.drained(provider, wire.chat(stream_options={"include_usage": True}))
        assert upstream.seen[0].body["stream"] is True
        assert upstream.seen[0].body["stream_options"] == {"include_usage": True}
        assert [item.data for item in chunks] == [first, middle, last, USAGE_CHUNK]
        assert [item.content for item in chunks] == [False, True, False, False]
        assert [item.characters for item in chunks] == [0, 4, 0, 0]
        assert chunks[0].attributes == {"openai.response.system_fingerprint": "fp_1"}
        assert chunks[2].finish_reasons == ("stop",)
        assert chunks[3].usage == Usage(9, 2)
        assert [item.usage_only for item in chunks] == [False, False, False, True]
        for item in chunks:
            assert item.encoded is not None
            assert json.loads(item.encoded) == item.data

    async def test_a_plain_call_never_streams(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers(ANSWER)
        await provider.complete(wire.chat(stream=True, stream_options={"include_usage": True}))
        assert "stream" not in upstream.seen[0].body
        assert "stream_options" not in upstream.seen[0].body

    async def test_comments_between_chunks_are_skipped(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        noise = b": OPENROUTER PROCESSING\n\n"
        upstream.streams([noise, noise, event(chunk({"content": "x"})), noise, DONE])
        assert wire.text_of(await wire.drained(provider, wire.chat())) == "x"

    async def test_bytes_cut_anywhere_give_the_same_text(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        data = json.dumps(chunk({"content": "schön ☺ 你好"}), ensure_ascii=False)
        whole = f"data: {data}\r\n\r\n".encode() * 2 + DONE
        upstream.streams([whole[at : at + 3] for at in range(0, len(whole), 3)])
        chunks = await wire.drained(provider, wire.chat())
        assert wire.text_of(chunks) == "schön ☺ 你好" * 2

    async def test_tool_calls_refusals_and_thoughts_are_output(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        call = {"index": 0, "function": {"name": "f", "arguments": '{"a"'}}
        upstream.streams(
            [
                event(chunk({"tool_calls": [call]})),
                event(chunk({"refusal": "No."})),
                event(chunk({"reasoning": "Hm", "reasoning_details": [{"text": "Hm"}]})),
                event(chunk({"reasoning_content": "Hm", "reasoning": "Hm"})),
                DONE,
            ]
        )
        chunks = await wire.drained(provider, wire.chat())
        assert [item.characters for item in chunks] == [5, 3, 2, 2]
        assert all(item.content for item in chunks)

    async def test_azures_first_chunk_without_choices_is_passed_on(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        filters: dict[str, Any] = {
            "choices": [],
            "id": "",
            "model": "",
            "prompt_filter_results": [{}],
        }
        upstream.streams([event(filters), event(chunk({"content": "x"}, "stop")), DONE])
        chunks = await wire.drained(provider, wire.chat())
        assert [item.usage_only for item in chunks] == [False, False]

    async def test_a_finished_answer_needs_no_end_mark(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams([event(chunk({"content": "x"})), event(chunk({}, "stop"))])
        assert len(await wire.drained(provider, wire.chat())) == 2

    async def test_an_unfinished_answer_without_end_mark_is_interrupted(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams([event(chunk({"content": "x"}))])
        stream = provider.stream(wire.chat())
        assert (await anext(stream)).content
        with pytest.raises(ProviderStreamInterrupted):
            await anext(stream)

    async def test_a_reset_midway_is_interrupted(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams([event(chunk({"content": "x"}))], then="cut", pause=0.05)
        stream = provider.stream(wire.chat())
        assert (await anext(stream)).content
        with pytest.raises(ProviderStreamInterrupted):
            await anext(stream)

    async def test_silence_midway_is_a_read_timeout(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams([event(chunk({"content": "x"}))], then="silence")
        call = Call("chat", "m", {}, Timeouts(connect=1, read=0.2, total=5))
        stream = provider.stream(call)
        await anext(stream)
        with pytest.raises(ProviderTimeout) as caught:
            await anext(stream)
        assert caught.value.timeout_kind == "read"

    async def test_a_slow_stream_is_no_error_while_bytes_come(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams([event(chunk({"content": "x"}))] * 6 + [DONE], pause=0.1)
        call = Call("chat", "m", {}, Timeouts(connect=1, read=0.4, total=5))
        assert wire.text_of(await wire.drained(provider, call)) == "xxxxxx"

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            ({"code": 429, "message": "slow down"}, ProviderRateLimited),
            ({"code": "server_error", "message": "lost"}, ProviderFailed),
            ({"type": "insufficient_quota", "message": "pay"}, ProviderQuotaExhausted),
            ({"code": "400", "message": "bad"}, ProviderRejected),
            ("out of memory", ProviderFailed),
            ({"code": "something_new", "message": "?"}, ProviderFailed),
        ],
    )
    async def test_an_error_chunk_midway_is_the_error_it_means(
        self,
        provider: OpenAIProvider,
        upstream: wire.Upstream,
        error: object,
        kind: type[ProviderError],
    ) -> None:
        cut = chunk({"content": ""}, "error", error=error)
        upstream.streams([event(chunk({"content": "x"})), event(cut), DONE])
        stream = provider.stream(wire.chat())
        await anext(stream)
        with pytest.raises(ProviderError) as caught:
            await anext(stream)
        assert type(caught.value) is kind

    async def test_an_error_before_the_first_chunk_is_raised_at_the_first_step(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({"error": {"code": 503, "message": "no provider"}})
        with pytest.raises(ProviderOverloaded):
            await anext(provider.stream(wire.chat()))

    async def test_a_plain_answer_to_a_stream_is_invalid(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers(ANSWER)
        with pytest.raises(ProviderInvalidResponse, match="a stream was asked for"):
            await anext(provider.stream(wire.chat()))

    async def test_a_broken_chunk_is_an_invalid_response(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams([event(chunk({"content": "x"})), b'data: {"choices": [\n\n', DONE])
        stream = provider.stream(wire.chat())
        await anext(stream)
        with pytest.raises(ProviderInvalidResponse):
            await anext(stream)

    @pytest.mark.parametrize(
        "choices", ['{"delta": "x"}', '{"delta": [1]}', '{"index": "0"}', '{"index": []}']
    )
    async def test_a_chunk_of_another_shape_is_an_invalid_response(
        self, provider: OpenAIProvider, upstream: wire.Upstream, choices: str
    ) -> None:
        upstream.streams([f'data: {{"choices": [{choices}]}}\n\n'.encode(), DONE])
        with pytest.raises(ProviderInvalidResponse):
            await anext(provider.stream(wire.chat()))

    async def test_half_a_surrogate_pair_is_passed_on_but_kept_out_of_records(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        whole = event(chunk({"content": "☺ 😀"}))
        assert b"\\ud83d" in whole
        half = event({**chunk({"content": "\ud83d"}), "model": "m\ud83d"})
        upstream.streams([whole, half, DONE])
        chunks = await wire.drained(provider, wire.chat())
        assert wire.text_of(chunks) == "☺ 😀?"
        assert chunks[1].data["model"] == "m?"
        assert chunks[1].encoded is not None
        assert b"\\ud83d" in chunks[1].encoded

    async def test_closing_early_closes_the_upstream_connection_at_once(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams([event(chunk({"content": "x"}))], then="hang")
        async with aclosing(provider.stream(wire.chat())) as stream:
            await anext(stream)
        async with asyncio.timeout(2):
            await upstream.gone.wait()

    async def test_cancelling_closes_the_upstream_connection_at_once(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams([event(chunk({"content": "x"}))], then="hang")
        got = asyncio.Event()

        async def read() -> None:
            async with aclosing(provider.stream(wire.chat())) as stream:
                async for _ in stream:
                    got.set()

        task = asyncio.create_task(read())
        async with asyncio.timeout(2):
            await got.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await upstream.gone.wait()

    async def test_streams_one_after_another_share_a_connection(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams([event(chunk({"content": "x"})), event(chunk({}, "stop")), DONE])
        for _ in range(3):
            await wire.drained(provider, wire.chat())
        assert len({seen.port for seen in upstream.seen}) == 1
