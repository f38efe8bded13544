"""Where models are served: one validated YAML file of targets, models, prices and limits.

Keys are never in the file: it names an environment variable or a file that holds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from service.providers.protocol import Timeouts
from service.targets_schema import ModelEntry, TargetEntry, TargetsFile
from service.yaml_file import YamlFileError, problems, read_yaml

DEFAULT_PATH = Path(__file__).with_name("targets.yaml")


class TargetsError(ValueError):
    """The targets file cannot be used; the message names file, place, problem and remedy."""

    @classmethod
    def of(cls, location: str, error: ValidationError) -> Self:
        """All problems of one validation, one a line, without the values (one may be a key)."""
        return cls(f"{location} is not valid:\n" + "\n".join(problems(error)))


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per million tokens, as declared; None falls back to the kind that contains it."""

    input: Decimal
    output: Decimal = Decimal(0)
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    input_audio: Decimal | None = None
    output_audio: Decimal | None = None
    cache_write_1h: Decimal | None = None
    cache_read_audio: Decimal | None = None
    input_image: Decimal | None = None
    output_image: Decimal | None = None
    cache_read_image: Decimal | None = None
    million_characters: Decimal | None = None
    audio_hour: Decimal | None = None
    thousand_requests: Decimal | None = None


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
    calls the model; `prices` None leaves pricing to the price book. `trace_context`: it is ours, or
    trusted, and is sent the request's `traceparent`, so that its spans join the trace.
    `max_output_tokens` is the model's own setting; see `service.budgets`. `refuse_fields`, in lower
    case, are fields of a request's body that the operator lets nobody use there.
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
    trace_context: bool = False
    max_output_tokens: int | None = None
    refuse_fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Connection:
    """How a target is reached: what a provider is built from. `options` are the provider's own.

    `location` is where it is declared, for messages.
    """

    name: str
    provider: str
    base_url: str | None
    api_key: SecretStr | None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    location: str = "the targets file"


@dataclass(frozen=True, slots=True)
class Targets:
    """Connections by target name, and for each public model its targets in order of fallback."""

    connections: Mapping[str, Connection]
    models: Mapping[str, tuple[Target, ...]]


def load_targets(path: Path = DEFAULT_PATH, *, credentials: Mapping[str, str]) -> Targets:
    """Read and validate a targets file; `credentials` is where `api_key_env` is looked up.

    Raises `TargetsError`.
    """
    file = _file(path)
    connections = {
        name: _connection(name, entry, path, credentials) for name, entry in file.targets.items()
    }
    orders = {model: [name] for name, entry in file.targets.items() for model in entry.models}
    models = {
        model: tuple(_target(name, file.targets[name], model, path) for name in order)
        for model, order in {**orders, **file.models}.items()
    }
    return Targets(connections, models)


def stated_prices(path: Path = DEFAULT_PATH) -> Mapping[tuple[str, str], Prices]:
    """The prices that targets state, by provider name and model; no credential is needed for it.

    A model has its public name and the provider's; of targets alike the first counts. Raises
    `TargetsError`.
    """
    found: dict[tuple[str, str], Prices] = {}
    for entry in _file(path).targets.values():
        for public, served in entry.models.items():
            if (prices := _prices(served)) is not None:
                for name in (public, served.model or public):
                    found.setdefault((entry.provider_name or entry.provider, name), prices)
    return found


def _file(path: Path) -> TargetsFile:
    try:
        return TargetsFile.model_validate(read_yaml(path))
    except YamlFileError as error:
        raise TargetsError(
            f"The targets file {path} {error}. "
            "Set GAUGEWAY_TARGETS to a file that can be used, or leave it unset for the default."
        ) from None
    except ValidationError as error:
        raise TargetsError.of(f"The targets file {path}", error) from None


def _connection(
    name: str, entry: TargetEntry, path: Path, credentials: Mapping[str, str]
) -> Connection:
    location = f"{path}: targets.{name}"
    return Connection(
        name=name,
        provider=entry.provider,
        base_url=entry.base_url,
        api_key=_api_key(entry, path, location, credentials),
        headers=entry.headers,
        options=entry.options,
        location=location,
    )


def _api_key(
    entry: TargetEntry, path: Path, location: str, credentials: Mapping[str, str]
) -> SecretStr | None:
    if entry.api_key_env is not None:
        key = credentials.get(entry.api_key_env, "").strip()
        problem = f"api_key_env names {entry.api_key_env}, which is not set. Set it"
    elif entry.api_key_file is not None:
        source = path.parent / Path(entry.api_key_file).expanduser()
        try:
            key = source.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TargetsError(
                f"{location}.api_key_file: {source} cannot be read: {error}"
            ) from None
        problem = f"api_key_file names {source}, which is empty. Write the key into it"
    else:
        return None
    if not key:
        raise TargetsError(f"{location}: {problem}, or remove the target.")
    if not key.isascii() or any(letter.isspace() or not letter.isprintable() for letter in key):
        raise TargetsError(f"{location}: the API key has a space or a letter no key has in it.")
    return SecretStr(key)


def _target(name: str, entry: TargetEntry, model: str, path: Path) -> Target:
    served = entry.models[model]
    parts = urlsplit(entry.base_url) if entry.base_url else None
    port = (parts.port or (443 if parts.scheme == "https" else 80)) if parts else None
    return Target(
        name=name,
        model=model,
        operation=served.operation,
        provider_name=entry.provider_name or entry.provider,
        provider_model=served.model or model,
        timeouts=Timeouts(**entry.timeouts.model_dump()),
        trace_context=entry.trace_context,
        refuse_fields=frozenset(field.lower() for field in entry.refuse_fields),
        retries=RetryPolicy(**entry.retries.model_dump()),
        prices=_prices(served),
        max_output_tokens=served.max_output_tokens or _stated_maximum(entry),
        server_address=parts.hostname if parts else None,
        server_port=port,
    )


def _stated_maximum(entry: TargetEntry) -> int | None:
    """Anthropic's API demands a maximum, so its targets have one for all of their models."""
    stated = entry.options.get("max_tokens") if entry.provider == "anthropic" else None
    return stated if isinstance(stated, int) and stated > 0 else None


def _prices(entry: ModelEntry) -> Prices | None:
    return Prices(**entry.prices.model_dump()) if entry.prices else None
