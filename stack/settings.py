"""The stack's settings: read from the environment once, validated, frozen.

A value that cannot be used is refused with the name of its variable and what it should hold. The
value is not repeated: it may be a secret that was put into the wrong variable.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from stack.home import Home
from stack.ports import Ports, port_variable

Environment = Literal["dev", "staging", "prod"]
# Who evaluates alerts and notifies: Prometheus and Loki through Alertmanager, or Grafana.
Alerting = Literal["prometheus", "grafana"]

_CHECKOUT = Path(__file__).resolve().parents[1]
_HIGHEST_PORT = 65_535
_REDIS_URL = re.compile(
    r"""(?:rediss?://(?:[^/?\#\[\]\x00-\x1f]*@)?(?:\[[0-9a-f:.]+(?:%\w+)?\]|[^\s/?\#@:\[\]]*)
        (?: :\d{1,5})?(?:/\d*)?
      | unix://(?:[^/?\#\x00-\x1f]*@)?/[^?\#]+)
    (?:\?[^\#@\s]*)?""",
    re.IGNORECASE | re.VERBOSE,
)


class SettingsError(ValueError):
    """A variable holds what the stack cannot use; the message names it and says what to set."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files an operator gives for OTLP over TLS; what is None is made on first start."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    token: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All that decides what one stack is: its home, its environment and where it listens.

    `inherited` is the operator's whole environment. Only the service gets it; it may hold provider
    keys, so it is never shown.
    """

    environment: Environment
    home: Home
    ports: Ports
    checkout: Path = _CHECKOUT
    redis_url: str | None = field(default=None, repr=False)
    grafana_home: Path | None = None
    workers: int = 1
    start_seconds: float = 90.0
    tls: TlsFiles = TlsFiles()
    api_key: str | None = field(default=None, repr=False)
    api_key_app: str = "dev"
    alerting: Alerting = "prometheus"
    receivers: Path | None = None
    inherited: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @property
    def secured(self) -> bool:
        """Tell whether telemetry travels over TLS with a token: everywhere but in dev."""
        return self.environment != "dev"

    @property
    def otlp_http_url(self) -> str:
        """Return where the service sends its telemetry."""
        return f"{'https' if self.secured else 'http'}://127.0.0.1:{self.ports.otlp_http}"

    @property
    def receivers_folder(self) -> Path:
        """Return the folder of the secret files of those who are notified; it need not exist."""
        return self.receivers or self.home.path / "receivers"

    def url(self, name: str) -> str:
        """Return the http address of the port called `name`."""
        return f"http://127.0.0.1:{getattr(self.ports, name)}"


def load(environ: Mapping[str, str] | None = None, *, environment: str | None = None) -> Settings:
    """Read the settings from `environ` (the process's own by default); raises `SettingsError`.

    `environment` is what a command line asks for and wins over GAUGEWAY_ENV.
    """
    source = dict(os.environ if environ is None else environ)
    return Settings(
        environment=_environment(environment or source.get("GAUGEWAY_ENV") or "dev"),
        home=Home(_directory(source, "GAUGEWAY_HOME") or Path.home() / ".gaugeway"),
        ports=_ports(source),
        redis_url=_redis_url(source),
        grafana_home=_existing(source, "GAUGEWAY_GRAFANA_HOME", directory=True),
        workers=_number(source, "GAUGEWAY_WORKERS", 1, low=1, high=256),
        start_seconds=_number(source, "GAUGEWAY_START_SECONDS", 90, low=1, high=3600),
        tls=_tls_files(source),
        api_key=source.get("GAUGEWAY_API_KEY") or None,
        api_key_app=source.get("GAUGEWAY_API_KEY_APP") or "dev",
        alerting=_alerting(source.get("GAUGEWAY_ALERTING") or "prometheus"),
        receivers=_directory(source, "GAUGEWAY_RECEIVERS_DIR"),
        inherited=source,
    )


def _environment(value: str) -> Environment:
    known = get_args(Environment)
    if value not in known:
        raise SettingsError(f"GAUGEWAY_ENV has to be one of {', '.join(known)}.")
    return cast("Environment", value)


def _alerting(value: str) -> Alerting:
    known = get_args(Alerting)
    if value not in known:
        raise SettingsError(f"GAUGEWAY_ALERTING has to be one of {', '.join(known)}.")
    return cast("Alerting", value)


def _ports(source: Mapping[str, str]) -> Ports:
    offset = _number(source, "GAUGEWAY_PORT_OFFSET", 0, low=0, high=_HIGHEST_PORT)
    chosen: dict[str, int] = {}
    for name, default in Ports():
        variable = port_variable(name)
        if default + offset > _HIGHEST_PORT and not source.get(variable):
            raise SettingsError(
                f"GAUGEWAY_PORT_OFFSET is {offset}, which moves {name} past {_HIGHEST_PORT}; "
                f"lower it, or set {variable}."
            )
        chosen[name] = _number(source, variable, default + offset, low=1, high=_HIGHEST_PORT)
    _refuse_shared_ports(chosen)
    return Ports(**chosen)


def _refuse_shared_ports(chosen: Mapping[str, int]) -> None:
    owner: dict[int, str] = {}
    for name, port in chosen.items():
        if port in owner:
            raise SettingsError(
                f"{port_variable(name)} and {port_variable(owner[port])} are both {port}; "
                "give each a port of its own."
            )
        owner[port] = name


def _number(source: Mapping[str, str], variable: str, default: int, *, low: int, high: int) -> int:
    text = source.get(variable)
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise SettingsError(f"{variable} has to be a whole number from {low} to {high}.")
    return number


def _redis_url(source: Mapping[str, str]) -> str | None:
    url = source.get("REDIS_URL", "").strip()
    if url and not _REDIS_URL.fullmatch(url):
        # The service says more exactly what is wrong. Until then nothing may take a part of a
        # password for a host or a path, and show it.
        raise SettingsError(
            "REDIS_URL has to be written as redis://user:password@host:6379/0, rediss://… over "
            "TLS, or unix:///path/of/socket; in user and password write / as %2F, ? as %3F, # as "
            "%23, [ as %5B and ] as %5D."
        )
    return url or None


def _directory(source: Mapping[str, str], variable: str) -> Path | None:
    text = source.get(variable)
    if not text:
        return None
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise SettingsError(f"{variable} is {path}, which is not a directory.")
    return path


def _existing(source: Mapping[str, str], variable: str, *, directory: bool) -> Path | None:
    text = source.get(variable)
    if not text:
        return None
    path = Path(text).expanduser().absolute()
    if not (path.is_dir() if directory else path.is_file()):
        if not directory:
            # Its name is not repeated: the token or the key itself may have been put there.
            raise SettingsError(f"{variable} names a file that is not there.")
        raise SettingsError(f"{variable} is {path}; there is no such directory.")
    return path


def _tls_files(source: Mapping[str, str]) -> TlsFiles:
    files = TlsFiles(
        authority=_existing(source, "GAUGEWAY_COLLECTOR_TLS_CA", directory=False),
        certificate=_existing(source, "GAUGEWAY_COLLECTOR_TLS_CERT", directory=False),
        key=_existing(source, "GAUGEWAY_COLLECTOR_TLS_KEY", directory=False),
        token=_existing(source, "GAUGEWAY_COLLECTOR_TOKEN_FILE", directory=False),
    )
    given = (files.authority, files.certificate, files.key)
    if any(given) and not all(given):
        raise SettingsError(
            "GAUGEWAY_COLLECTOR_TLS_CA, GAUGEWAY_COLLECTOR_TLS_CERT and "
            "GAUGEWAY_COLLECTOR_TLS_KEY belong together: set all three, or none and the stack "
            "makes its own."
        )
    return files
