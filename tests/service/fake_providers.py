"""Providers that do what a real one does on its worst day."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from service.errors import ProviderStreamInterrupted
from service.providers.protocol import Call, Chunk, Completion
from service.tokens import Usage


class EndlessProvider:
    """Streams large chunks as fast as they are taken, for ever."""

    def __init__(self, chunk_bytes: int) -> None:
        self._text = "x" * chunk_bytes
        self.chunks_made = 0
        self.closed = False

    async def complete(self, call: Call) -> Completion:
        raise AssertionError("streams only")

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        delta = {"index": 0, "delta": {"content": self._text}, "finish_reason": None}
        data = {"id": "endless", "object": "chat.completion.chunk", "choices": [delta]}
        try:
            while True:
                self.chunks_made += 1
                yield Chunk(data, content=True, characters=len(self._text))
        finally:
            self.closed = True

    async def check(self) -> None:
        return


class LongProvider:
    """Streams so many large chunks, then ends, or fails with `error`."""

    def __init__(self, chunk_bytes: int, chunks: int, error: Exception | None = None) -> None:
        self._text = "x" * chunk_bytes
        self.chunks = chunks
        self._error = error

    async def complete(self, call: Call) -> Completion:
        raise AssertionError("streams only")

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        delta = {"index": 0, "delta": {"content": self._text}, "finish_reason": None}
        data = {"id": "long", "object": "chat.completion.chunk", "choices": [delta]}
        for _ in range(self.chunks):
            yield Chunk(data, content=True, characters=len(self._text))
        if self._error is not None:
            raise self._error
        yield Chunk({"id": "long", "choices": []}, usage=Usage(10, 5))

    async def check(self) -> None:
        return


class EarlyUsageProvider:
    """Tells the input tokens with its first chunk, streams on and fails before the last count."""

    async def complete(self, call: Call) -> Completion:
        raise AssertionError("streams only")

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        delta = {"index": 0, "delta": {"content": "x" * 40}, "finish_reason": None}
        data = {"id": "early", "object": "chat.completion.chunk", "choices": [delta]}
        yield Chunk(data, content=True, characters=40, usage=Usage(10, 0))
        for _ in range(9):
            yield Chunk(data, content=True, characters=40)
        raise ProviderStreamInterrupted("broken off")

    async def check(self) -> None:
        return


class BrokenProvider:
    """Raises what no provider should, with a secret in it."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    async def complete(self, call: Call) -> Completion:
        raise RuntimeError(f"Authorization: Bearer {self._secret}")

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        raise RuntimeError(f"https://user:{self._secret}@example.com/?api_key={self._secret}")
        yield

    async def check(self) -> None:
        raise RuntimeError(f"password={self._secret}")


class SilentProvider:
    """Answers, but does not tell what was used."""

    async def complete(self, call: Call) -> Completion:
        message = {"role": "assistant", "content": "x" * 40}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = {"id": "silent", "object": "chat.completion", "model": "m", "choices": [choice]}
        return Completion(body, usage=None, model=None, id="silent", finish_reasons=("stop",))

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        delta = {"index": 0, "delta": {"content": "x" * 40}, "finish_reason": "stop"}
        data = {"id": "silent", "object": "chat.completion.chunk", "choices": [delta]}
        yield Chunk(data, content=True, characters=40, finish_reasons=("stop",))

    async def check(self) -> None:
        return


class CountingProvider:
    """Answers with a number that goes up, and what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def complete(self, call: Call) -> Completion:
        self.calls.append(call)
        text = f"answer {len(self.calls)}"
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = {"id": text, "object": "chat.completion", "model": "m", "choices": [choice]}
        return Completion(body, Usage(10, 5), model="m", id=text, finish_reasons=("stop",))

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        self.calls.append(call)
        for word in ("answer", f" {len(self.calls)}"):
            delta = {"index": 0, "delta": {"content": word}, "finish_reason": None}
            data = {"id": "c", "object": "chat.completion.chunk", "choices": [delta]}
            yield Chunk(data, content=True, characters=len(word))
        yield Chunk({"id": "c", "choices": []}, usage=Usage(10, 5))

    async def check(self) -> None:
        return
