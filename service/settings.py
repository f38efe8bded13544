"""The service's settings: one frozen, validated object made from the environment.

Nothing else in the service reads the environment. A setting that cannot be used stops the start
with its variable's name; values, which may be secrets, are never repeated.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from service.redis_address import redis_address


class SettingsError(ValueError):
    """The environment holds something the service cannot start with; names each variable."""


def _comma_separated(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a time zone; write one such as UTC or Europe/Berlin") from None
    return value


TimeZone = Annotated[str, AfterValidator(_known_zone)]


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("is not a web address; write one such as http://127.0.0.1:3000")
    return value


Url = Annotated[str, AfterValidator(_web_address)]


def _usable_redis(value: SecretStr) -> SecretStr:
    return SecretStr(redis_address(value.get_secret_value()))


RedisUrl = Annotated[SecretStr, AfterValidator(_usable_redis)]


def _receiver(value: str) -> str:
    try:
        # Without a scheme it is good as well, for gRPC; what cannot be taken apart is for nothing.
        port = urlsplit(value).port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("is not an address; write one such as http://127.0.0.1:4318")
    return value


Receiver = Annotated[str, AfterValidator(_receiver)]


class Settings(BaseSettings):
    """What the service can be told; each field is the variable `GAUGEWAY_<FIELD>`."""

    model_config = SettingsConfigDict(
        env_prefix="GAUGEWAY_",
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    env: Literal["dev", "staging", "prod"] = "dev"
    home: Path = Field(default_factory=lambda: Path.home() / ".gaugeway")
    targets: Path | None = None
    """The targets file; the shipped one when unset."""
    components: Names = ()
    """Values of `x-gaugeway-component` that become a label; any other becomes `_OTHER`."""
    time_zone: TimeZone = "UTC"
    """Whose midnight ends a day and a month in the ledger, and in budgets that name no zone."""
    prices: Path | None = None
    """The operator's own prices, on top of the price book."""
    unpriced: Literal["allow", "refuse"] = "allow"
    """What becomes of a request for a model whose price is not known."""
    budgets: Path | None = None
    """The budgets file; the shipped one when unset."""
    budgets_when_unavailable: Literal["open", "closed"] = "open"
    """Whether requests that budgets concern go on while Redis cannot be asked."""
    ledger_when_unavailable: Literal["continue", "stop"] = "continue"
    """Whether any request goes on while usage cannot be written to Redis."""
    ledger_hours: int = Field(default=48, ge=2, le=24 * 366)
    ledger_days: int = Field(default=35, ge=2, le=3660)
    ledger_months: int = Field(default=13, ge=2, le=120)
    """How long usage is kept, by its grain."""
    ledger_dedupe_seconds: int = Field(default=3_600, ge=60, le=7 * 86_400)
    """How long an applied entry is remembered, so that applying it again does nothing."""
    journal_max_bytes: int = Field(default=64 * 1024**2, ge=64 * 1024, le=64 * 1024**3)
    """What one worker keeps on disk at the most while Redis is away."""
    ledger_memory_max_bytes: int = Field(default=16 * 1024**2, ge=0, le=16 * 1024**3)
    """What one worker keeps in memory at the most of what the disk refuses meanwhile."""
    ledger_resend_seconds: int = Field(default=30, ge=5, le=3_600)
    """How long one worker keeps what Redis took: a replica may be so far behind without a loss."""
    ledger_resend_max_bytes: int = Field(default=32 * 1024**2, ge=64 * 1024, le=16 * 1024**3)
    """How much memory that may take."""
    user_hash_key_file: Path | None = None
    """The key that users are hashed with; made in GAUGEWAY_HOME when unset."""
    simulate_control: bool = False
    """Whether callers may steer the simulated provider by header and model name."""

    max_body_bytes: int = Field(default=4 * 1024 * 1024, ge=1024, le=1024**3)
    max_body_values: int = Field(default=400_000, ge=1000, le=100_000_000)
    """JSON values in a body, weighed as `service.json_weight` says: they take time, not bytes."""
    head_timeout_seconds: Seconds = 30.0
    """How long a client may take to send its request line and header fields, in all."""
    body_timeout_seconds: Seconds = 30.0
    """How long a client may pause while it sends its body."""
    keep_alive_seconds: Seconds = 75.0
    """How long a connection may be idle between requests."""
    deadline_seconds: Seconds = 600.0
    """The longest a request may take in all; a caller can lower it for one request."""
    shutdown_grace_seconds: float = Field(default=2.0, ge=0, le=60)
    """How long requests under way may go on after the signal to stop; then they are ended."""

    redis_url: RedisUrl | None = Field(
        default=None, validation_alias=AliasChoices("REDIS_URL", "redis_url")
    )
    """Where shared state is; an embedded server is used when unset."""
    redis_timeout_seconds: Seconds = 0.25
    redis_pool_size: int = Field(default=64, ge=1, le=4096)

    cache_ttl_seconds: int = Field(default=0, ge=0, le=86_400)
    """Answers are cached this long without being asked; 0: only `Cache-Control: max-age` does."""
    cache_max_age_seconds: int = Field(default=3_600, ge=1, le=86_400)
    """The longest `max-age` a caller is given."""
    cache_max_entry_bytes: int = Field(default=256 * 1024, ge=1024, le=64 * 1024**2)
    cache_max_entries: int = Field(default=10_000, ge=1, le=10_000_000)
    cache_max_bytes: int = Field(default=64 * 1024**2, ge=1024**2, le=1024**4)
    """What all cached answers together may take of Redis."""

    grafana_url: Url | None = None
    """Where a browser finds Grafana; traces are shown by the service itself when unset."""
    tempo_url: Url = "http://127.0.0.1:3200"
    """Where the service reads traces for the operations page."""
    prometheus_url: Url | None = None
    loki_url: Url | None = None
    """Backends whose reachability /api/health tells; not asked where unset."""
    session_hours: float = Field(default=12.0, gt=0, le=24 * 30)
    """How long a login to the operations page lasts."""

    scrape_token: SecretStr | None = None
    """Opens /metrics and the details of /readyz outside dev."""
    scrape_token_file: Path | None = None
    check_interval_seconds: Seconds = 5.0
    target_check_interval_seconds: Seconds = 30.0
    """Providers are asked less often: each worker asks each of them."""
    backend_check_interval_seconds: Seconds = 15.0
    check_timeout_seconds: Seconds = 2.0
    otlp_endpoint: Receiver = Field(
        default="http://127.0.0.1:4318",
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint"),
    )
    """Where telemetry is sent; here only its reachability is checked for /readyz."""
    otlp_certificate: Path | None = Field(
        default=None,
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_CERTIFICATE", "otlp_certificate"),
    )
    """The authority that vouches for the Collector; the system's when unset."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments before the environment, and no files."""
        return init_settings, env_settings

    @property
    def backends(self) -> Mapping[str, str]:
        """The URLs of the backends that somebody named, by what they are."""
        named = {
            "prometheus": self.prometheus_url,
            "loki": self.loki_url,
            # It has a default for the sake of a laptop, where it may well not be running.
            "tempo": self.tempo_url if "tempo_url" in self.model_fields_set else None,
        }
        return {name: url for name, url in named.items() if url is not None}

    @property
    def development(self) -> bool:
        """Whether this is a developer's machine: then details need no token."""
        return self.env == "dev"


def load_settings() -> Settings:
    """Read the environment. Raises `SettingsError` naming each variable that is wrong."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None
    return settings if settings.scrape_token_file is None else _with_scrape_token(settings)


def environment() -> Mapping[str, str]:
    """The whole environment, for the keys of targets, which a targets file names."""
    return os.environ


def _with_scrape_token(settings: Settings) -> Settings:
    if settings.scrape_token is not None or settings.scrape_token_file is None:
        return settings
    try:
        token = settings.scrape_token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        # The name of the file is not repeated: the token itself may have been put there.
        raise SettingsError(
            "The service cannot start. GAUGEWAY_SCRAPE_TOKEN_FILE names a file that cannot be read "
            f"({type(error).__name__}). Create it, or unset the variable."
        ) from None
    if not token:
        raise SettingsError(
            "The service cannot start. GAUGEWAY_SCRAPE_TOKEN_FILE names a file that is empty. "
            "Write the token into it, or unset the variable."
        )
    return settings.model_copy(update={"scrape_token": SecretStr(token)})


def _explain(error: ValidationError) -> str:
    lines = [
        f"{_variable(str(problem['loc'][0]) if problem['loc'] else '')}: "
        f"{problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return "The service cannot start. " + "; ".join(lines) + "."


def _variable(field: str) -> str:
    return field if field.isupper() else f"GAUGEWAY_{field.upper()}"
