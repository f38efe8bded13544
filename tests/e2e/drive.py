"""Drives one scenario with the official client and keeps what the client saw."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import openai

from tests.e2e.matrix import Scenario

COST_COMMENT = ": gaugeway-cost-usd="
PROMPT = "Name the seven hills of Rome and when each of them was settled."


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client saw: status, headers, error body or usage, chunks, and when (Unix time)."""

    status: int
    headers: Mapping[str, str]
    began: float
    ended: float
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    usage: Mapping[str, int] = field(default_factory=dict[str, int])
    chunks: int = 0
    cost_comment: str | None = None

    @property
    def trace_id(self) -> str:
        """The trace the service says this request is."""
        return self.headers.get("x-trace-id", "")

    @property
    def cost(self) -> Decimal | None:
        """The exact cost from the header, or from the stream's comment; None where none is told."""
        told = self.headers.get("x-gaugeway-cost-usd", self.cost_comment)
        return None if told is None else Decimal(told)


def drive(scenario: Scenario, *, url: str, api_key: str) -> tuple[Answer, ...]:
    """Send the scenario's request, or its two, and keep each answer in order."""
    client = openai.OpenAI(
        base_url=f"{url}/v1", api_key=scenario.key or api_key, max_retries=0, timeout=30
    )
    with client:
        return tuple(_once(client, scenario) for _ in range(2 if scenario.twice else 1))


def _once(client: openai.OpenAI, scenario: Scenario) -> Answer:
    began = time.time()
    try:
        if scenario.operation == "embeddings":
            return _embed(client, scenario, began)
        return (
            _stream(client, scenario, began) if scenario.stream else _chat(client, scenario, began)
        )
    except openai.APIStatusError as error:
        return Answer(
            status=error.status_code,
            headers=dict(error.response.headers),
            began=began,
            ended=time.time(),
            body=cast("dict[str, Any]", json.loads(error.response.text)),
        )


def _chat(client: openai.OpenAI, scenario: Scenario, began: float) -> Answer:
    raw = client.chat.completions.with_raw_response.create(
        model=scenario.model,
        messages=[{"role": "user", "content": PROMPT}],
        extra_headers=dict(scenario.headers),
    )
    completion = raw.parse()
    assert completion.choices[0].message.content
    assert completion.usage is not None
    return Answer(
        status=raw.status_code,
        headers=dict(raw.headers),
        began=began,
        ended=time.time(),
        usage=_usage(completion.usage.model_dump()),
    )


def _embed(client: openai.OpenAI, scenario: Scenario, began: float) -> Answer:
    raw = client.embeddings.with_raw_response.create(
        model=scenario.model, input=PROMPT, extra_headers=dict(scenario.headers)
    )
    answered = raw.parse()
    assert answered.data[0].embedding
    return Answer(
        status=raw.status_code,
        headers=dict(raw.headers),
        began=began,
        ended=time.time(),
        usage={"input": answered.usage.prompt_tokens},
    )


def _stream(client: openai.OpenAI, scenario: Scenario, began: float) -> Answer:
    chunks, comment = 0, None
    usage: dict[str, int] = {}
    with client.chat.completions.with_streaming_response.create(
        model=scenario.model,
        messages=[{"role": "user", "content": PROMPT}],
        stream=True,
        stream_options={"include_usage": True},
        extra_headers=dict(scenario.headers),
    ) as raw:
        for line in raw.iter_lines():
            if line.startswith(COST_COMMENT):
                comment = line.removeprefix(COST_COMMENT)
            if not line.startswith("data: {"):
                continue
            chunk = cast("dict[str, Any]", json.loads(line.removeprefix("data: ")))
            if told := chunk.get("usage"):
                usage = _usage(told)
            chunks += any(choice["delta"].get("content") for choice in chunk["choices"])
            if chunks == scenario.leave_after_chunks:
                break
        headers, status = dict(raw.headers), raw.status_code
    return Answer(
        status=status,
        headers=headers,
        began=began,
        ended=time.time(),
        usage=usage,
        chunks=chunks,
        cost_comment=comment,
    )


def _usage(told: Mapping[str, Any]) -> dict[str, int]:
    """An answer's usage by kind of token; kinds there were none of are 0."""
    prompt = cast("dict[str, int]", told.get("prompt_tokens_details") or {})
    completion = cast("dict[str, int]", told.get("completion_tokens_details") or {})
    return {
        "input": told["prompt_tokens"],
        "output": told["completion_tokens"],
        "cache_read": prompt.get("cached_tokens") or 0,
        "reasoning": completion.get("reasoning_tokens") or 0,
    }
