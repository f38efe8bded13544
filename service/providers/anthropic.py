"""Anthropic's Messages API, spoken to by those who speak OpenAI's format."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.aside import aside_if
from service.errors import ProviderStreamInterrupted, ProviderUnsupported
from service.json_pieces import json_pieces
from service.providers.answer_text import LONG_TEXT
from service.providers.anthropic_answer import (
    ChunkTranslator,
    completion_of,
    failure_in,
    failure_of,
)
from service.providers.anthropic_request import messages_request
from service.providers.http import Endpoint
from service.providers.protocol import Call, Chunk, Completion
from service.providers.rate_limit_headers import ANTHROPIC
from service.providers.shapes import as_object, as_text
from service.providers.transport import Transport
from service.targets import Connection, TargetsError

DEFAULT_BASE_URL = "https://api.anthropic.com"
PATH = "/v1/messages"


class AnthropicOptions(BaseModel):
    """`max_tokens`: the limit of an answer where the caller sets none; the API demands one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: Annotated[int, Field(ge=1)] = 4096
    version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] = "2023-06-01"


class AnthropicProvider:
    """Translates both ways; holds no state between calls."""

    def __init__(
        self,
        endpoint: Endpoint,
        options: AnthropicOptions,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = endpoint
        self._options = options
        self._now = now

    async def complete(self, call: Call) -> Completion:
        """Answer a chat call as a whole."""
        response = await self._endpoint.post(PATH, await self._request(call), call)
        answer, text = await self._endpoint.read_object(response)
        if answer.get("type") != "message" or not isinstance(answer.get("content"), list):
            raise self._endpoint.invalid("JSON that is no message")
        write = _written if len(text) > LONG_TEXT else completion_of
        completion = await aside_if(len(text) > LONG_TEXT, write, answer, created=int(self._now()))
        told = self._endpoint.rate_limits(response)
        return replace(completion, rate_limits=told) if told else completion

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        """Answer a chat call in chunks."""
        request = {**await self._request(call), "stream": True}
        wanted = as_object(call.body.get("stream_options")).get("include_usage") is True
        translator = ChunkTranslator(created=int(self._now()), include_usage=wanted)
        response = await self._endpoint.post(PATH, request, call)
        told = self._endpoint.rate_limits(response)
        try:
            async with aclosing(self._endpoint.events(response)) as events:
                async for sent in events:
                    long = len(sent.data) > LONG_TEXT
                    event = await aside_if(long, self._endpoint.decode, sent.data)
                    kind = as_text(event.get("type"))
                    if kind == "error":
                        raise self._endpoint.error(failure_in(event))
                    for chunk in translator.translate(kind, event):
                        yield replace(chunk, rate_limits=told) if told else chunk
                        told = ()
                    if translator.finished:
                        await response.finish()
                        return
            raise ProviderStreamInterrupted(
                f"The target '{self._endpoint.target}' broke the answer off before its end.",
                upstream_status=200,
            )
        finally:
            response.close()

    async def check(self) -> None:
        """Ask for the list of models."""
        await self._endpoint.check("/v1/models")

    async def _request(self, call: Call) -> dict[str, object]:
        if call.operation != "chat":
            wrong = f"The target '{call.target}' does not support {call.operation}."
            raise ProviderUnsupported(wrong, param="model", own_words=wrong)
        limit = self._options.max_tokens
        return await aside_if(
            call.weight.heavy,
            messages_request,
            call.body,
            model=call.model,
            max_tokens=limit,
            target=self._endpoint.target,
        )


def _written(message: dict[str, Any], *, created: int) -> Completion:
    """A long answer with its JSON text, which is written in slices too."""
    completion = completion_of(message, created=created)
    return replace(completion, encoded=b"".join(json_pieces(completion.body)))


def anthropic(connection: Connection, transport: Transport) -> AnthropicProvider:
    """Build the provider of a target that speaks Anthropic's Messages API."""
    try:
        options = AnthropicOptions.model_validate(dict(connection.options))
    except ValidationError as error:
        raise TargetsError.of(connection.location + ".options", error) from None
    headers = {"anthropic-version": options.version}
    if connection.api_key is not None:
        headers["x-api-key"] = connection.api_key.get_secret_value()
    endpoint = Endpoint(
        connection,
        transport,
        base_url=connection.base_url or DEFAULT_BASE_URL,
        headers=headers,
        read_failure=failure_of,
        rate_limit_headers=ANTHROPIC,
    )
    return AnthropicProvider(endpoint, options)
