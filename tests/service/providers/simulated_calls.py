"""Calls to the simulated provider, whose clock only remembers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from service.providers.control import SimulateControl
from service.providers.protocol import Call
from service.providers.simulated.options import SimulatedOptions
from service.providers.simulated.provider import SimulatedProvider


class Naps:
    """A clock that only remembers how long it was asked to sleep."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    @property
    def total(self) -> float:
        return sum(self.seconds)


def provider(naps: Naps | None = None, **options: Any) -> SimulatedProvider:
    return SimulatedProvider(SimulatedOptions(**options), sleep=naps or Naps())


def embed(text: object, **body: Any) -> Call:
    return Call("embeddings", "simulated-embedding", {"input": text, **body}, target="upstream")


def asked(call: Call, attempt: int = 1, /, **wishes: Any) -> Call:
    return replace(call, simulate=SimulateControl(**wishes), attempt=attempt)


async def plain(call: Call, **options: Any) -> dict[str, Any]:
    return (await provider(**options).complete(call)).body


def encoded(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
