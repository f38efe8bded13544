"""A provider learns of the trace only where its target says so, and of baggage never."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.service.providers import wire
from tests.service.running import running, settings_for, wait_for

TARGETS = """
targets:
  stranger:
    provider: openai
    provider_name: openrouter
    base_url: {url}/v1
    models: {{stranger: {{}}}}
  ours:
    provider: openai
    provider_name: ollama
    base_url: {url}/v1
    trace_context: true
    models: {{ours: {{}}}}
"""
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CALLER = {
    "traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01",
    "tracestate": "vendor=1",
    "baggage": "user=alice",
}
ANSWER = {
    "id": "c-1",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


@pytest.mark.parametrize(("model", "told"), [("stranger", False), ("ours", True)])
async def test_the_traceparent_goes_where_the_target_says(
    tmp_path: Path, redis_url: str, model: str, *, told: bool
) -> None:
    async with wire.upstream() as upstream:
        upstream.answers(ANSWER)
        settings = settings_for(tmp_path, redis_url, check_interval_seconds=3600)

        def ask() -> str:
            with running(settings, targets=TARGETS.format(url=upstream.url)) as service:
                wait_for(lambda: service.runtime.dependencies.complete, "the first checks")
                upstream.seen.clear()
                assert service.chat(model=model, headers=CALLER).status == 200
                (span,) = service.telemetry.spans("chat " + model)
                assert span.context is not None
                assert format(span.context.trace_id, "032x") == TRACE_ID
                return format(span.context.span_id, "016x")

        span_id = await asyncio.to_thread(ask)
    (seen,) = upstream.seen
    headers = {name.lower(): value for name, value in seen.headers.items()}
    if told:
        assert headers["traceparent"] == f"00-{TRACE_ID}-{span_id}-01"
    else:
        assert "traceparent" not in headers
    assert "baggage" not in headers
