"""OpenAI's `usage` object, read from providers that fill it in their own ways, and written."""

from __future__ import annotations

from typing import Any

from service.providers.shapes import as_count, as_object, believable
from service.tokens import Usage


def openai_usage(value: object) -> Usage | None:
    """The usage in an OpenAI-shaped answer, None where it is missing or cannot be.

    A part is never larger than its whole: what a provider reports beyond is cut off. Providers
    that count reasoning beside the completion (their total shows it) are brought to OpenAI's way,
    reasoning inside output.
    """
    usage = as_object(value)
    if not believable(usage.get("prompt_tokens"), usage.get("completion_tokens")):
        return None
    prompt = as_object(usage.get("prompt_tokens_details"))
    completion = as_object(usage.get("completion_tokens_details"))
    given, output = as_count(usage.get("prompt_tokens")), as_count(usage.get("completion_tokens"))
    reasoning = as_count(completion.get("reasoning_tokens"))
    if reasoning and as_count(usage.get("total_tokens")) == given + output + reasoning:
        output += reasoning
    cached = prompt.get("cached_tokens", usage.get("prompt_cache_hit_tokens"))
    return Usage(
        input_tokens=given,
        output_tokens=output,
        cache_read_tokens=min(as_count(cached), given),
        cache_write_tokens=min(as_count(prompt.get("cache_write_tokens")), given),
        reasoning_tokens=min(reasoning, output),
        input_audio_tokens=min(as_count(prompt.get("audio_tokens")), given),
        output_audio_tokens=min(as_count(completion.get("audio_tokens")), output),
        input_image_tokens=min(as_count(prompt.get("image_tokens")), given),
        output_image_tokens=min(as_count(completion.get("image_tokens")), output),
    )


def usage_body(usage: Usage) -> dict[str, Any]:
    """The usage as an OpenAI chat answer carries it."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "audio_tokens": usage.input_audio_tokens,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": usage.output_audio_tokens,
        },
    }
