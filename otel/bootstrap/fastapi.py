"""Decides who watches a FastAPI application, and that exactly one does."""

import re
from collections.abc import Callable, Mapping, MutableMapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import wrapt

from otel.bootstrap.hooks import when_imported

# The first release with telemetry of its own.
_NATIVE_SINCE: Final = (0, 142)


def watches_itself() -> bool:
    """Say whether the installed FastAPI records spans and metrics by itself."""
    try:
        installed = version("fastapi")
    except PackageNotFoundError:
        return False
    numbers = [int(part) for part in re.findall(r"\d+", installed)[:2]]
    return tuple(numbers) >= _NATIVE_SINCE


def excluder(patterns: str) -> Callable[[MutableMapping[str, Any]], bool] | None:
    """Return what says whether a request is left out, by the comma-separated patterns."""
    wanted = [pattern.strip() for pattern in patterns.split(",") if pattern.strip()]
    if not wanted:
        return None
    search = re.compile("|".join(wanted)).search

    def excluded(scope: MutableMapping[str, Any]) -> bool:
        return search(scope["path"]) is not None

    return excluded


def set_defaults(excluded_urls: str) -> None:
    """Give every FastAPI application our defaults for its own telemetry; what it passes wins.

    No spans for dependencies, endpoints and serialisation, no exporters of FastAPI's own.
    Takes effect when FastAPI is imported.
    """
    defaults = {
        "operation_spans": False,
        "auto_configure": False,
        "exclude": excluder(excluded_urls),
    }
    _pass_telemetry(lambda given: {**defaults, **given})


def leave_to_contrib() -> None:
    """Switch FastAPI's own telemetry off, where contrib's instrumentation is chosen."""
    off = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
    _pass_telemetry(lambda given: {**given, **off})


def _pass_telemetry(decide: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    """Have applications built with what `decide` makes of the `telemetry` they were given."""

    def build(
        original: Callable[..., None], instance: Any, args: Any, kwargs: dict[str, Any]
    ) -> None:
        kwargs["telemetry"] = decide(kwargs.get("telemetry") or {})
        original(*args, **kwargs)

    def patch(module: Any) -> None:
        wrapt.wrap_function_wrapper(module, "FastAPI.__init__", build)

    when_imported("fastapi.applications", patch)
