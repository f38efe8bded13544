"""What callers say about one inference: plain data, no telemetry."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from opentelemetry.util.types import AttributeValue


def _none() -> Mapping[str, AttributeValue]:
    return {}


@dataclass(frozen=True, slots=True)
class Operation:
    """What is known when an inference starts.

    `name` is the conventions' operation (`chat`, `embeddings`, …), `model` the one sent to the
    provider. `target` and `attributes` (`gen_ai.request.*` and the like) never become labels.
    """

    name: str
    provider: str
    model: str
    app: str | None = None
    component: str | None = None
    server_address: str | None = None
    server_port: int | None = None
    stream: bool = False
    target: str | None = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one inference.

    Cached tokens are inside `input_tokens`, reasoning is inside `output_tokens`, audio is inside
    both. `estimated` says that they were counted by us, not by the provider.
    """

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    estimated: bool = False
