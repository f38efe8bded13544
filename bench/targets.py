"""Targets files for the measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MODEL = "bench"
PRICES = {"input": "0.15", "output": "0.60"}


def write_targets(path: Path, base_url: str) -> Path:
    """Serve `MODEL` by an OpenAI-compatible provider at `base_url`."""
    target = {
        "provider": "openai",
        "provider_name": "upstream",
        "base_url": base_url,
        "models": {MODEL: {"prices": PRICES}},
    }
    return _write(path, {"upstream": target})


def write_targets_of_all_kinds(path: Path, base_url: str) -> Path:
    """Serve simulated models without delays, `gpt` by OpenAI's format and `claude` by Anthropic's.

    `base_url` ends in `/v1`.
    """
    prices = {"prices": PRICES}
    simulated = {
        "provider": "simulated",
        "options": {"latency_ms": 0, "token_ms": 0},
        "models": {
            "simulated": prices,
            "simulated-embedding": {"operation": "embeddings", **prices},
        },
    }
    openai = {
        "provider": "openai",
        "provider_name": "upstream",
        "base_url": base_url,
        "models": {"gpt": prices},
    }
    anthropic = {
        "provider": "anthropic",
        "base_url": base_url.removesuffix("/v1"),
        "models": {"claude": prices},
    }
    return _write(path, {"simulated": simulated, "openai": openai, "anthropic": anthropic})


def model_names(count: int) -> list[str]:
    """So many model names, each with series of its own."""
    return [f"model-{number:04}" for number in range(count)]


def write_simulated_targets(path: Path, models: int) -> Path:
    """Serve so many models by the simulated provider, without delays."""
    target = {
        "provider": "simulated",
        "options": {"latency_ms": 0, "token_ms": 0},
        "models": {name: {"prices": PRICES} for name in model_names(models)},
    }
    return _write(path, {"simulated": target})


def _write(path: Path, targets: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump({"targets": targets}))
    return path
