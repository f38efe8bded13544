"""Start-up settings: our defaults for the standard `OTEL_*` variables, and our own few variables.

A standard variable that is set always wins. Nothing here raises: telemetry must not keep an
application from starting, so a value that makes no sense counts as not set.
"""

import os
import sys
import tomllib
import uuid
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from otel.settings import ApiSettings, Capture

ConsoleStyle = Literal["human", "json", "off"]

# Paths that are asked for by machines every few seconds and say nothing about requests.
EXCLUDED_URLS: Final = "/healthz$,/readyz$,/metrics$"

DEFAULTS: Final = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
    # The SDK's own choice heeds the caller: one header, and a cost has no trace to lead to.
    "OTEL_TRACES_SAMPLER": "always_on",
    "OTEL_METRICS_EXEMPLAR_FILTER": "trace_based",
    "OTEL_BSP_MAX_QUEUE_SIZE": "8192",
    "OTEL_BLRP_MAX_QUEUE_SIZE": "8192",
    "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": EXCLUDED_URLS,
    # One huge attribute would cost the whole batch it travels in.
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "16384",
    # FastAPI can add exporters of its own from the same variables; one set is enough.
    "FASTAPI_OTEL_AUTO_CONFIGURE": "false",
}
DEV: Final = {
    "OTEL_METRIC_EXPORT_INTERVAL": "5000",
    "OTEL_BSP_SCHEDULE_DELAY": "500",
    "OTEL_BLRP_SCHEDULE_DELAY": "500",
}
ELSEWHERE: Final = {
    "OTEL_METRIC_EXPORT_INTERVAL": "15000",
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
    "OTEL_BLRP_SCHEDULE_DELAY": "1000",
}
# Our own variables, by what they mean.
OWN: Final = {
    "GAUGEWAY_ENV": "`dev`, `staging` or `prod`; `deployment.environment.name` on every signal.",
    "GAUGEWAY_CONSOLE_LOGS": "`human`, `json` or `off`; `human` in dev, `json` elsewhere.",
    "GAUGEWAY_SHUTDOWN_TIMEOUT_MS": "How long the process waits at its end for telemetry: 2500.",
    "GAUGEWAY_FASTAPI_TELEMETRY": "`native` or `contrib`: who watches FastAPI from 0.142 on.",
    "GAUGEWAY_CONTENT_MAX_CHARACTERS": "Where captured messages are cut: 8192.",
    "GAUGEWAY_LABEL_VALUES_MAX": "Different values of one label of one metric: 100.",
    "GAUGEWAY_SERIES_MAX": "Different label sets of one metric: 2000.",
    "GAUGEWAY_PROCESS_GROUP": "Names the processes whose metrics one scrape shows together.",
    "GAUGEWAY_SERVER_NAMES": "The service's host names, comma-separated; spans tell no other one.",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "`NO_CONTENT` (the default), "
    "`SPAN_ONLY`, `EVENT_ONLY` or `SPAN_AND_EVENT`.",
}
# Helpers that multiprocessing starts; they run no application code.
_HELPERS: Final = ("multiprocessing.resource_tracker", "multiprocessing.semaphore_tracker")


@dataclass(frozen=True, slots=True)
class BootstrapSettings:
    """What start-up needs beyond what the SDK reads itself.

    Delays and timeouts are in seconds, queues in items. `group` names the processes that one
    application runs as: a supervisor and its workers share it. `value_limits` are the lengths at
    which the SDK cuts attributes, in characters.
    """

    environment: str = "dev"
    disabled: bool = False
    traces: tuple[str, ...] = ("otlp",)
    metrics: tuple[str, ...] = ("otlp",)
    logs: tuple[str, ...] = ("otlp",)
    span_queue: int = 8192
    span_batch: int = 512
    span_delay: float = 0.5
    log_queue: int = 8192
    log_batch: int = 512
    log_delay: float = 0.5
    metric_interval: float = 5.0
    shutdown_timeout: float = 2.5
    console: ConsoleStyle = "human"
    log_level: str = "INFO"
    fastapi: Literal["native", "contrib"] = "native"
    excluded_urls: str = EXCLUDED_URLS
    runtime_directory: Path = Path("/tmp/gaugeway-otel")  # noqa: S108  # replaced by `read`
    group: str = ""
    prometheus_host: str = "localhost"
    prometheus_port: int | None = None
    capture: Capture = Capture.NO_CONTENT
    value_limits: frozenset[int] = frozenset({16_384})
    server_names: frozenset[str] = frozenset()

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> "BootstrapSettings":
        """Read the settings from variables to which `apply_defaults` was applied."""
        values = os.environ if environment is None else environment
        name = deployment(values)
        style = values.get("GAUGEWAY_CONSOLE_LOGS", "").strip().lower()
        default_style: ConsoleStyle = "human" if name == "dev" else "json"
        metrics = _names(values, "OTEL_METRICS_EXPORTER")
        return cls(
            environment=name,
            disabled=values.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or _is_helper(),
            traces=_names(values, "OTEL_TRACES_EXPORTER"),
            metrics=tuple(exporter for exporter in metrics if exporter != "prometheus"),
            logs=_names(values, "OTEL_LOGS_EXPORTER"),
            span_queue=_whole(values, "OTEL_BSP_MAX_QUEUE_SIZE", 8192),
            span_batch=_whole(values, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512),
            span_delay=_whole(values, "OTEL_BSP_SCHEDULE_DELAY", 500) / 1000,
            log_queue=_whole(values, "OTEL_BLRP_MAX_QUEUE_SIZE", 8192),
            log_batch=_whole(values, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512),
            log_delay=_whole(values, "OTEL_BLRP_SCHEDULE_DELAY", 500) / 1000,
            metric_interval=_whole(values, "OTEL_METRIC_EXPORT_INTERVAL", 5000) / 1000,
            shutdown_timeout=_whole(values, "GAUGEWAY_SHUTDOWN_TIMEOUT_MS", 2500) / 1000,
            console=style if style in ("human", "json", "off") else default_style,
            log_level=values.get("OTEL_PYTHON_LOG_LEVEL", "info").strip().upper() or "INFO",
            fastapi=(
                "contrib" if values.get("GAUGEWAY_FASTAPI_TELEMETRY") == "contrib" else "native"
            ),
            excluded_urls=values.get("OTEL_PYTHON_FASTAPI_EXCLUDED_URLS", EXCLUDED_URLS),
            runtime_directory=_runtime_directory(values),
            group=values.get("GAUGEWAY_PROCESS_GROUP", ""),
            prometheus_host=values.get("OTEL_EXPORTER_PROMETHEUS_HOST", "localhost"),
            prometheus_port=(
                _whole(values, "OTEL_EXPORTER_PROMETHEUS_PORT", 9464)
                if "prometheus" in metrics
                else None
            ),
            capture=ApiSettings.from_environment(values).capture,
            value_limits=_value_limits(values),
            server_names=frozenset(_names(values, "GAUGEWAY_SERVER_NAMES", "")),
        )


def apply_defaults(environment: MutableMapping[str, str] | None = None) -> None:
    """Set what is not set, so that the SDK, the instrumentations and child processes see it."""
    values = os.environ if environment is None else environment
    defaults = DEFAULTS | (DEV if deployment(values) == "dev" else ELSEWHERE)
    content = _whole(values, "GAUGEWAY_CONTENT_MAX_CHARACTERS", 0)
    if content > int(DEFAULTS["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"]):
        values.setdefault("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", str(content))
    for name, value in defaults.items():
        values.setdefault(name, value)
    values.setdefault("GAUGEWAY_PROCESS_GROUP", uuid.uuid4().hex[:12])
    if not values.get("OTEL_SERVICE_NAME") and "service.name=" not in values.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    ):
        project = project_name(Path.cwd())
        if project:
            values["OTEL_SERVICE_NAME"] = project


def environment() -> Mapping[str, str]:
    """Return the whole environment: exporters and samplers have variables of their own."""
    return os.environ


def name_service(name: str) -> None:
    """Name the service, unless a standard variable does."""
    os.environ.setdefault("OTEL_SERVICE_NAME", name)


def left_out() -> frozenset[str]:
    """Name the instrumentations that are switched off; `*` stands for all."""
    names = os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")
    return frozenset(name.strip() for name in names if name.strip())


def deployment(values: Mapping[str, str]) -> str:
    """Name the environment, `dev` where none is named."""
    return values.get("GAUGEWAY_ENV", "").strip().lower() or "dev"


def project_name(directory: Path) -> str:
    """Return the project's name from the directory's pyproject.toml, or an empty string."""
    try:
        with (directory / "pyproject.toml").open("rb") as file:
            name = tomllib.load(file).get("project", {}).get("name", "")
    except (OSError, tomllib.TOMLDecodeError, AttributeError):
        return ""
    return name if isinstance(name, str) else ""


def _names(values: Mapping[str, str], variable: str, default: str = "otlp") -> tuple[str, ...]:
    names = [name.strip().lower() for name in values.get(variable, default).split(",")]
    return tuple(name for name in names if name and name != "none")


def _value_limits(values: Mapping[str, str]) -> frozenset[int]:
    standard = int(DEFAULTS["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"])
    of_all = _whole(values, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", standard)
    kinds = ("OTEL_SPAN_ATTRIBUTE", "OTEL_LOGRECORD_ATTRIBUTE")
    return frozenset(_whole(values, f"{kind}_VALUE_LENGTH_LIMIT", of_all) for kind in kinds) | {
        of_all
    }


def _whole(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else default


def _runtime_directory(values: Mapping[str, str]) -> Path:
    # A unix socket's path holds about 100 characters, so a home deep in the tree will not do.
    base = values.get("XDG_RUNTIME_DIR") or values.get("TMPDIR") or "/tmp"  # noqa: S108
    return Path(base) / f"gaugeway-otel-{os.getuid()}"


def _is_helper() -> bool:
    return any(helper in argument for argument in sys.orig_argv for helper in _HELPERS)
