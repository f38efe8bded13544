"""Where models are served: one validated YAML file of targets, models, prices and limits.

Keys are never in the file: it names an environment variable or a file that holds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from service.providers.protocol import Timeouts

DEFAULT_PATH = Path(__file__).with_name("targets.yaml")


class TargetsError(ValueError):
    """The targets file cannot be used; the message names file, place, problem and remedy."""


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per million tokens, as declared; None falls back to `input` or `output`."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    input_audio: Decimal | None = None
    output_audio: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` at one target in all; delays in seconds."""

    attempts: int = 3
    base_delay: float = 0.2
    max_delay: float = 5.0
    max_retry_after: float = 20.0


@dataclass(frozen=True, slots=True)
class Target:
    """One public model at one target: everything an attempt needs but the provider object.

    `provider_name` is the value for `gen_ai.provider.name`; `provider_model` what the provider
    calls the model; `prices` None leaves pricing to the price book.
    """

    name: str
    model: str
    operation: str
    provider_name: str
    provider_model: str
    timeouts: Timeouts
    retries: RetryPolicy
    prices: Prices | None = None
    server_address: str | None = None
    server_port: int | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """How a target is reached: what a provider is built from. `options` are the provider's own."""

    name: str
    provider: str
    base_url: str | None
    api_key: SecretStr | None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Targets:
    """Connections by target name, and for each public model its targets in order of fallback."""

    connections: Mapping[str, Connection]
    models: Mapping[str, tuple[Target, ...]]


def load_targets(path: Path = DEFAULT_PATH, *, credentials: Mapping[str, str]) -> Targets:
    """Read and validate a targets file; `credentials` is where `api_key_env` is looked up.

    Raises `TargetsError`.
    """
    raise NotImplementedError
