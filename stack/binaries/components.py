"""Which real components there are, and how each is compiled.

The versions are those of the modules' go.mod files; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]
_MODULES = _CHECKOUT / "stack" / "modules"


@dataclass(frozen=True)
class Component:
    """One binary: what it is called, the Go package it is compiled from, and with which flags."""

    name: str
    version: str
    module_dir: Path
    package: str
    binary: str
    module: str
    module_version: str
    tags: tuple[str, ...] = ()
    version_variable: str = ""
    typical_seconds: int = 60

    @property
    def build_flags(self) -> tuple[str, ...]:
        """Flags of `go build`: paths trimmed, symbols stripped, the version stamped in."""
        linker = ["-s", "-w"]
        if self.version_variable:
            linker.append(f"-X {self.version_variable}={self.version}")
        tags = (f"-tags={','.join(self.tags)}",) if self.tags else ()
        return ("-trimpath", "-buildvcs=false", *tags, f"-ldflags={' '.join(linker)}")


def _published(
    name: str,
    version: str,
    module: tuple[str, str],
    package: str,
    directory: str,
    *,
    tags: tuple[str, ...] = (),
    version_variable: str = "",
    typical_seconds: int,
) -> Component:
    path, module_version = module
    return Component(
        name=name,
        version=version,
        module_dir=_MODULES / directory,
        package=f"{path}/{package}".rstrip("/"),
        binary=name,
        module=path,
        module_version=module_version,
        tags=tags,
        version_variable=version_variable,
        typical_seconds=typical_seconds,
    )


_PROMETHEUS = ("github.com/prometheus/prometheus", "v0.315.0")
_ALERTMANAGER = ("github.com/prometheus/alertmanager", "v0.31.0")
_LOKI = ("github.com/grafana/loki/v3", "v3.7.8")
_TEMPO = ("github.com/grafana/tempo", "v1.5.1-0.20250529124718-87c2dc380cec")
_PROCESS_COMPOSE = ("github.com/f1bonacc1/process-compose", "v1.87.0")
_PROMETHEUS_STAMP = "github.com/prometheus/common/version.Version"
# The discovery of cloud providers' machines is two thirds of Prometheus's build; files are enough.
_FILES_ONLY = ("remove_all_sd",)

# In build order: what shares packages with what comes after it stands first. The seconds are of
# two cores with nothing cached before the first line.
COMPONENTS: tuple[Component, ...] = (
    _published(
        "process-compose",
        "1.87.0",
        _PROCESS_COMPOSE,
        "",
        "process-compose",
        version_variable="github.com/f1bonacc1/process-compose/src/config.Version",
        typical_seconds=60,
    ),
    _published(
        "prometheus",
        "3.15.0",
        _PROMETHEUS,
        "cmd/prometheus",
        "prometheus",
        tags=_FILES_ONLY,
        version_variable=_PROMETHEUS_STAMP,
        typical_seconds=110,
    ),
    _published(
        "promtool",
        "3.15.0",
        _PROMETHEUS,
        "cmd/promtool",
        "prometheus",
        tags=_FILES_ONLY,
        version_variable=_PROMETHEUS_STAMP,
        typical_seconds=60,
    ),
    _published(
        "alertmanager",
        "0.31.0",
        _ALERTMANAGER,
        "cmd/alertmanager",
        "alertmanager",
        version_variable=_PROMETHEUS_STAMP,
        typical_seconds=30,
    ),
    _published(
        "amtool",
        "0.31.0",
        _ALERTMANAGER,
        "cmd/amtool",
        "alertmanager",
        version_variable=_PROMETHEUS_STAMP,
        typical_seconds=10,
    ),
    _published(
        "loki",
        "3.7.8",
        _LOKI,
        "cmd/loki",
        "loki",
        version_variable="github.com/grafana/loki/v3/pkg/util/build.Version",
        typical_seconds=180,
    ),
    _published(
        "tempo",
        "2.8.0-rc.0+87c2dc3",
        _TEMPO,
        "cmd/tempo",
        "tempo",
        version_variable="main.Version",
        typical_seconds=140,
    ),
    Component(
        name="collector",
        version="0.145.0",
        module_dir=_CHECKOUT / "collector" / "build",
        package="gaugeway/collector/build",
        binary="gaugeway-collector",
        module="go.opentelemetry.io/collector/otelcol",
        module_version="v0.145.0",
        typical_seconds=90,
    ),
)
