"""The targets file's shape, and what of it can be checked without anything else."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$")]


def _exact(value: object) -> object:
    """A price written without quotes is a binary fraction by now; its shortest text is meant."""
    if isinstance(value, bool):
        raise ValueError("a price is a number, not true or false")  # noqa: TRY004 - pydantic's protocol
    return repr(value) if isinstance(value, float) and math.isfinite(value) else value


Price = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False), BeforeValidator(_exact)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PartPrices(_Strict):
    """USD per million tokens, per million characters, per hour of audio, per thousand requests.

    A kind that is not stated costs what the kind that contains it costs.
    """

    cache_read: Price | None = None
    cache_write: Price | None = None
    cache_write_1h: Price | None = None
    reasoning: Price | None = None
    input_audio: Price | None = None
    output_audio: Price | None = None
    cache_read_audio: Price | None = None
    input_image: Price | None = None
    output_image: Price | None = None
    cache_read_image: Price | None = None
    million_characters: Price | None = None
    audio_hour: Price | None = None
    thousand_requests: Price | None = None


class PricesEntry(PartPrices):
    """What a model costs at a target."""

    input: Price
    output: Price = Decimal(0)


class ModelEntry(_Strict):
    """One model at one target; `model` is the provider's name for it where that is another.

    `max_output_tokens`: how long an answer may be where a budget that refuses concerns a request
    which does not say so itself.
    """

    model: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    operation: Literal["chat", "embeddings"] = "chat"
    max_output_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    prices: PricesEntry | None = None


class TimeoutsEntry(_Strict):
    """Seconds."""

    connect: Seconds = 5.0
    read: Seconds = 60.0
    total: Seconds = 300.0


class RetriesEntry(_Strict):
    """Attempts at one target in all, and seconds."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    base_delay: Annotated[float, Field(ge=0, le=600)] = 0.2
    max_delay: Annotated[float, Field(ge=0, le=600)] = 5.0
    max_retry_after: Annotated[float, Field(ge=0, le=3600)] = 20.0


# No request can do without them.
_NEEDED = frozenset({"model", "messages", "input"})


def _can_be_left_out(field: str) -> str:
    if field.lower() in _NEEDED:
        raise ValueError(f"'{field}' is part of every request")
    return field


RefusedField = Annotated[
    str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$"), AfterValidator(_can_be_left_out)
]


class TargetEntry(_Strict):
    """One place that serves models; requests with one of `refuse_fields` are not sent there."""

    provider: Name
    provider_name: Name | None = None
    base_url: str | None = None
    api_key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    api_key_file: str | None = None
    headers: dict[str, str] = {}
    trace_context: bool = False
    refuse_fields: Annotated[frozenset[RefusedField], Field(max_length=64)] = frozenset()
    options: dict[str, Any] = {}
    timeouts: TimeoutsEntry = TimeoutsEntry()
    retries: RetriesEntry = RetriesEntry()
    models: Annotated[dict[Name, ModelEntry], Field(min_length=1)]

    @field_validator("base_url")
    @classmethod
    def _is_plain_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https URL such as https://api.openai.com/v1")
        if "@" in parts.netloc:
            raise ValueError("must not carry credentials; name them in api_key_env or api_key_file")
        if parts.query or parts.fragment:
            raise ValueError("must not have a query or a fragment")
        _ = parts.port  # raises ValueError where it is not a port
        return value.rstrip("/")

    @field_validator("headers")
    @classmethod
    def _holds_no_credentials(cls, value: dict[str, str]) -> dict[str, str]:
        for name, content in value.items():
            if name.lower() in ("authorization", "x-api-key", "api-key", "cookie"):
                raise ValueError(f"must not hold '{name}'; use api_key_env or api_key_file")
            if any(ord(letter) < 32 for letter in name + content):
                raise ValueError(f"'{name}' has a control character in it")
        return value

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if self.api_key_env is not None and self.api_key_file is not None:
            raise ValueError("has both api_key_env and api_key_file; keep one")
        return self

    @model_validator(mode="after")
    def _says_whose_api_it_is(self) -> Self:
        """Many speak OpenAI's format; telemetry and prices must not call all of them OpenAI."""
        if self.provider != "openai" or self.provider_name or self.base_url is None:
            return self
        if urlsplit(self.base_url).hostname != "api.openai.com":
            raise ValueError("needs provider_name, such as openrouter, ollama or azure.ai.openai")
        return self


class TargetsFile(_Strict):
    """The whole file."""

    targets: Annotated[dict[Name, TargetEntry], Field(min_length=1)]
    models: dict[Name, Annotated[list[Name], Field(min_length=1)]] = {}

    @model_validator(mode="after")
    def _models_and_targets_agree(self) -> Self:
        serving: dict[str, list[str]] = {}
        for name, target in self.targets.items():
            for model in target.models:
                serving.setdefault(model, []).append(name)
        for model, order in self.models.items():
            self._check_order(model, order)
        for model, names in serving.items():
            if len(names) > 1 and model not in self.models:
                raise ValueError(
                    f"the model '{model}' is served by {', '.join(names)}: "
                    f"write their order under models, such as {model}: [{', '.join(names)}]"
                )
        return self

    def _check_order(self, model: str, order: list[str]) -> None:
        if len(set(order)) < len(order):
            raise ValueError(f"models.{model} names a target twice")
        operations: set[str] = set()
        for name in order:
            target = self.targets.get(name)
            if target is None:
                known = ", ".join(self.targets)
                raise ValueError(f"models.{model} names the target '{name}'; there are {known}")
            if model not in target.models:
                raise ValueError(f"models.{model} names '{name}', which does not serve '{model}'")
            operations.add(target.models[model].operation)
        if len(operations) > 1:
            raise ValueError(f"models.{model} mixes operations: {', '.join(sorted(operations))}")
