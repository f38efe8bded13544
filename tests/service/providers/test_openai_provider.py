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
    ProviderModelMissing,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderRequestTooLarge,
    ProviderStreamInterrupted,
    ProviderTimeout,
    ProviderUnauthorized,
)
from service.providers.openai import OpenAIProvider, openai
from service.providers.protocol import Call, Timeouts
from service.providers.transport import AiohttpTransport
from service.targets import TargetsError
from service.tokens import Usage
from tests.service.providers import wire

ANSWER: dict[str, Any] = {
    "id": "chatcmpl-A1",
    "object": "chat.completion",
    "created": 1760000000,
    "model": "gpt-5-mini-2025-08-07",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Grüß Gott", "refusal": None},
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 1200,
        "completion_tokens": 80,
        "total_tokens": 1280,
        "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 64, "audio_tokens": 5},
    },
    "service_tier": "default",
    "system_fingerprint": "fp_44709d6fcb",
}


@pytest.fixture
def provider(transport: AiohttpTransport, upstream: wire.Upstream) -> OpenAIProvider:
    return openai(wire.connection(upstream.url + "/v1"), transport)


def event(data: object) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "chatcmpl-A1", "object": "chat.completion.chunk", "choices": choices, **more}


USAGE_CHUNK: dict[str, Any] = {
    "id": "chatcmpl-A1",
    "object": "chat.completion.chunk",
    "choices": [],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}
DONE = b"data: [DONE]\n\n"


class TestPlain:
    async def test_the_body_goes_on_with_the_providers_model_name_and_the_key(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers(ANSWER)
        call = wire.chat("Hi ☺", temperature=0.2, tools=[{"type": "function"}], seed=7)
        await provider.complete(call)
        [seen] = upstream.seen
        assert seen.path == "/v1/chat/completions"
        assert seen.body == {**call.body, "model": "the-model"}
        assert seen.headers["Authorization"] == f"Bearer {wire.SECRET}"
        assert seen.headers["Content-Type"] == "application/json"

    async def test_the_answer_comes_back_whole_with_its_facts(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers(ANSWER)
        answer = await provider.complete(wire.chat())
        assert answer.body == ANSWER
        assert answer.encoded is not None
        assert json.loads(answer.encoded) == ANSWER
        assert answer.id == "chatcmpl-A1"
        assert answer.model == "gpt-5-mini-2025-08-07"
        assert answer.finish_reasons == ("stop",)
        assert answer.usage == Usage(
            1200,
            80,
            cache_read_tokens=1024,
            reasoning_tokens=64,
            input_audio_tokens=7,
            output_audio_tokens=5,
        )
        assert answer.attributes == {
            "openai.response.service_tier": "default",
            "openai.response.system_fingerprint": "fp_44709d6fcb",
        }

    async def test_an_answer_without_usage_says_so(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({key: value for key, value in ANSWER.items() if key != "usage"})
        assert (await provider.complete(wire.chat())).usage is None

    async def test_embeddings_go_to_their_own_path(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        answer = {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": "AACAPw=="}],
            "model": "text-embedding-3-small",
            "usage": {"prompt_tokens": 8, "total_tokens": 8},
        }
        upstream.answers(answer)
        found = await provider.complete(
            Call("embeddings", "text-embedding-3-small", {"model": "e", "input": "x"})
        )
        assert upstream.seen[0].path == "/v1/embeddings"
        assert found.body == answer
        assert found.usage == Usage(8, 0)

    async def test_half_a_surrogate_pair_is_sent_rather_than_refused(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers(ANSWER)
        await provider.complete(wire.chat("\ud83d"))
        assert upstream.seen[0].body["messages"][0]["content"] == "\ud83d"

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"<html>502</html>",
            b'{"choices": [',
            b"[]",
            b"\xff\xfe",
            b'{"object":"x"}',
            b'{"choices":[null]}',
            b'{"choices":[{"message":"x"}]}',
            '{"choices":[]}'.encode("utf-16"),
        ],
    )
    async def test_what_is_no_answer_is_an_invalid_response(
        self, provider: OpenAIProvider, upstream: wire.Upstream, text: bytes
    ) -> None:
        upstream.answers(text)
        with pytest.raises(ProviderInvalidResponse) as caught:
            await provider.complete(wire.chat())
        assert caught.value.retryable
        assert caught.value.upstream_status == 200

    async def test_a_redirect_is_not_followed_but_told(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers(b"", status=308, headers={"Location": "https://elsewhere"})
        with pytest.raises(ProviderInvalidResponse):
            await provider.complete(wire.chat())

    async def test_a_key_can_go_into_another_header(
        self, transport: AiohttpTransport, upstream: wire.Upstream
    ) -> None:
        upstream.answers(ANSWER)
        azure = openai(wire.connection(upstream.url, api_key_header="api-key"), transport)
        await azure.complete(wire.chat())
        assert upstream.seen[0].headers["api-key"] == wire.SECRET
        assert "Authorization" not in upstream.seen[0].headers

    def test_an_option_that_does_not_exist_is_told_with_its_place(
        self, transport: AiohttpTransport
    ) -> None:
        with pytest.raises(TargetsError, match=r"targets\.upstream\.options is not valid:\n  tea"):
            openai(wire.connection(None, tea=1), transport)


def openai_error(message: str, kind: str, code: str | None, param: str | None = None) -> object:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


ERRORS: list[tuple[int, object, type[ProviderError], str | None]] = [
    (400, openai_error("Bad.", "invalid_request_error", "x"), ProviderRejected, "x"),
    (401, openai_error("Bad key", "x", "invalid_api_key"), ProviderUnauthorized, "invalid_api_key"),
    (403, openai_error("Country", "x", "unsupported_country"), ProviderUnauthorized, None),
    (404, openai_error("None", "x", "model_not_found"), ProviderModelMissing, "model_not_found"),
    (413, openai_error("Big", "x", None), ProviderRequestTooLarge, "x"),
    (422, {"detail": "field required"}, ProviderRejected, None),
    (429, openai_error("Slow", "tokens", "rate_limit_exceeded"), ProviderRateLimited, None),
    (429, openai_error("Pay", "insufficient_quota", None), ProviderQuotaExhausted, None),
    (500, openai_error("Oops", "server_error", None), ProviderFailed, "server_error"),
    (503, openai_error("Later", "server_error", None), ProviderOverloaded, None),
    # OpenRouter: the code is the status, as a number.
    (
        402,
        {"error": {"code": 402, "message": "No credit"}},
        ProviderQuotaExhausted,
        None,
    ),
    (408, {"error": {"code": 408, "message": "Timed out"}}, ProviderFailed, None),
    (502, {"error": {"code": 502, "message": "Model is down"}}, ProviderFailed, None),
    # Ollama: a string, or an object with nulls.
    (404, {"error": 'model "llama9" not found, try pulling it first'}, ProviderModelMissing, None),
    # vLLM: everything at the top.
    (
        400,
        {"object": "error", "message": "too long", "type": "BadRequestError", "code": 400},
        ProviderRejected,
        "BadRequestError",
    ),
    (502, b"<html><body>502 Bad Gateway</body></html>", ProviderFailed, None),
    (500, b"\xff\xff", ProviderFailed, None),
]


class TestErrors:
    @pytest.mark.parametrize(("status", "body", "kind", "code"), ERRORS)
    async def test_each_error_answer_is_the_error_it_means(
        self,
        provider: OpenAIProvider,
        upstream: wire.Upstream,
        status: int,
        body: object,
        kind: type[ProviderError],
        code: str | None,
    ) -> None:
        upstream.answers(body, status=status)
        with pytest.raises(ProviderError) as plain:
            await provider.complete(wire.chat())
        with pytest.raises(ProviderError) as streamed:
            await wire.drained(provider, wire.chat())
        for caught in (plain.value, streamed.value):
            assert type(caught) is kind
            assert caught.upstream_status == status
            assert code is None or caught.upstream_code == code

    async def test_a_rejected_request_carries_the_providers_words_to_the_client(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        message = "This model's maximum context length is 8192 tokens."
        body = openai_error(message, "invalid_request_error", "context_length_exceeded", "messages")
        upstream.answers(body, status=400)
        with pytest.raises(ProviderRejected) as caught:
            await provider.complete(wire.chat())
        assert caught.value.status == 400
        assert caught.value.body() == body

    @pytest.mark.parametrize("status", [401, 402, 403])
    async def test_our_bad_credentials_never_look_like_the_clients(
        self, provider: OpenAIProvider, upstream: wire.Upstream, status: int
    ) -> None:
        said = f"Incorrect API key provided: {wire.SECRET}."
        upstream.answers(openai_error(said, "x", "invalid_api_key"), status=status)
        with pytest.raises(ProviderError) as caught:
            await provider.complete(wire.chat())
        error = caught.value
        assert error.status in (502, 503)
        assert error.code in ("provider_authentication_failed", "provider_quota_exhausted")
        assert error.upstream_status == status
        assert not error.retryable
        assert wire.SECRET not in json.dumps(error.body())

    @pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
    async def test_no_error_repeats_the_key(
        self, provider: OpenAIProvider, upstream: wire.Upstream, status: int
    ) -> None:
        said = f"You sent {wire.SECRET}, Bearer abc.def and sk-proj-other99_key"
        upstream.answers(openai_error(said, "x", wire.SECRET, None), status=status)
        with pytest.raises(ProviderError) as caught:
            await provider.complete(wire.chat())
        told = repr(caught.value) + json.dumps(caught.value.body()) + str(vars(caught.value))
        for secret in (wire.SECRET, "abc.def", "sk-proj-other99_key"):
            assert secret not in told

    async def test_retry_after_is_read_from_the_answer(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({}, status=429, headers={"Retry-After": "7"})
        with pytest.raises(ProviderRateLimited) as caught:
            await provider.complete(wire.chat())
        assert caught.value.retry_after == 7
        assert caught.value.status == 429

    async def test_a_provider_can_forbid_a_retry(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({}, status=500, headers={"x-should-retry": "false"})
        with pytest.raises(ProviderFailed) as caught:
            await provider.complete(wire.chat())
        assert not caught.value.retryable

    async def test_moderation_by_openrouter_is_about_the_request_not_the_key(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        metadata = {"reasons": ["violence"], "flagged_input": "…", "provider_name": "x"}
        body = {"error": {"code": 403, "message": "Input was flagged", "metadata": metadata}}
        upstream.answers(body, status=403)
        with pytest.raises(ProviderRejected) as caught:
            await provider.complete(wire.chat())
        assert caught.value.code == "content_policy_violation"

    async def test_an_error_inside_an_answer_of_200_is_an_error(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({"error": {"code": 502, "message": "Upstream model is down"}})
        with pytest.raises(ProviderFailed, match="Upstream model is down") as caught:
            await provider.complete(wire.chat())
        assert caught.value.upstream_status == 502


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


class TestCheck:
    async def test_a_list_of_models_means_reachable(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({"data": []})
        await provider.check()
        assert upstream.seen[0].path == "/v1/models"

    async def test_no_such_address_still_means_reachable(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({}, status=404)
        await provider.check()

    @pytest.mark.parametrize("status", [401, 402, 403, 500, 503])
    async def test_a_refusal_or_a_failure_is_raised(
        self, provider: OpenAIProvider, upstream: wire.Upstream, status: int
    ) -> None:
        upstream.answers({}, status=status)
        with pytest.raises(ProviderError):
            await provider.check()
