"""Any API in OpenAI's format: OpenAI itself, OpenRouter, Ollama, vLLM, Azure's v1 and others."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.aside import aside_if
from service.errors import ProviderStreamInterrupted
from service.providers.answer_text import LONG_TEXT
from service.providers.http import Endpoint
from service.providers.openai_format import (
    WrongShapeError,
    chunk_of,
    completion_of,
    failure_in,
    failure_of,
)
from service.providers.protocol import Call, Chunk, Completion
from service.providers.transport import Response, Transport
from service.targets import Connection, TargetsError

DEFAULT_BASE_URL = "https://api.openai.com/v1"
PATHS = {"chat": "/chat/completions", "embeddings": "/embeddings"}


class OpenAIOptions(BaseModel):
    """`api_key_header`: where the key goes; any but Authorization carries it without `Bearer`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")] = "Authorization"


class OpenAIProvider:
    """Sends the body on as it is, but for the model's name, and reads what comes back."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def complete(self, call: Call) -> Completion:
        """Answer a chat or embeddings call as a whole."""
        body = {**call.body, "model": call.model}
        # Nothing but a whole answer can be read here, whatever the body says.
        body.pop("stream", None)
        body.pop("stream_options", None)
        response = await self._endpoint.post(PATHS[call.operation], body, call)
        answer, encoded = await self._endpoint.read_object(response)
        self._raise_inner_failure(answer)
        try:
            completion = completion_of(answer, encoded, operation=call.operation)
        except WrongShapeError:
            raise self._endpoint.invalid(f"JSON that is no {call.operation} answer") from None
        told = self._endpoint.rate_limits(response)
        return replace(completion, rate_limits=told) if told else completion

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        """Answer a chat call in chunks."""
        body = {**call.body, "model": call.model, "stream": True}
        response = await self._endpoint.post(PATHS[call.operation], body, call)
        try:
            if response.headers.get("Content-Type", "").startswith("application/json"):
                await self._refuse_plain_answer(response)
            finished = False
            first = True
            async with aclosing(self._endpoint.events(response)) as events:
                async for event in events:
                    if event.data == b"[DONE]":
                        await response.finish()
                        return
                    if not event.data:
                        continue
                    long = len(event.data) > LONG_TEXT
                    chunk = await aside_if(long, self._chunk, event.data, first=first)
                    if first and (told := self._endpoint.rate_limits(response)):
                        chunk = replace(chunk, rate_limits=told)
                    first = False
                    finished = finished or bool(chunk.finish_reasons)
                    yield chunk
            if not finished:
                raise self._interrupted()
        finally:
            response.close()

    async def check(self) -> None:
        """Ask for the list of models."""
        await self._endpoint.check("/models")

    def _chunk(self, data: bytes, *, first: bool) -> Chunk:
        body = self._endpoint.decode(data)
        self._raise_inner_failure(body)
        try:
            return chunk_of(body, data, first=first)
        except WrongShapeError:
            raise self._endpoint.invalid("JSON that is no chunk of a chat answer") from None

    def _raise_inner_failure(self, body: dict[str, Any]) -> None:
        failure = failure_in(body)
        if failure is not None:
            raise self._endpoint.error(failure)

    async def _refuse_plain_answer(self, response: Response) -> None:
        """A stream was asked for: a plain answer is an error, or comes from one who cannot."""
        body, _ = await self._endpoint.read_object(response)
        self._raise_inner_failure(body)
        raise self._endpoint.invalid("a plain answer where a stream was asked for")

    def _interrupted(self) -> ProviderStreamInterrupted:
        return ProviderStreamInterrupted(
            f"The target '{self._endpoint.target}' broke the answer off before its end.",
            upstream_status=200,
        )


def openai(connection: Connection, transport: Transport) -> OpenAIProvider:
    """Build the provider of a target that speaks OpenAI's format."""
    try:
        options = OpenAIOptions.model_validate(dict(connection.options))
    except ValidationError as error:
        raise TargetsError.of(connection.location + ".options", error) from None
    headers: dict[str, str] = {}
    if connection.api_key is not None:
        bearer = "Bearer " if options.api_key_header.lower() == "authorization" else ""
        headers[options.api_key_header] = bearer + connection.api_key.get_secret_value()
    endpoint = Endpoint(
        connection,
        transport,
        base_url=connection.base_url or DEFAULT_BASE_URL,
        headers=headers,
        read_failure=failure_of,
    )
    return OpenAIProvider(endpoint)
