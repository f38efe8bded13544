"""The Collector is built from what its configurations use, and from nothing else."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any, cast

import pytest
import yaml

from stack.binaries import COMPONENTS
from tests.collector.configurations import (
    COLLECTOR,
    ENVIRONMENTS,
    KINDS,
    component_type,
    defined,
    load,
    pipelines,
)

BUILD = COLLECTOR / "build"
# Go package names and component types differ in spelling; these are the ones used here.
TYPE_OF = {
    "otlpreceiver": "otlp",
    "hostmetricsreceiver": "hostmetrics",
    "httpcheckreceiver": "httpcheck",
    "redisreceiver": "redis",
    "memorylimiterprocessor": "memory_limiter",
    "resourceprocessor": "resource",
    "forwardconnector": "forward",
    "servicegraphconnector": "servicegraph",
    "debugexporter": "debug",
    "otlphttpexporter": "otlp_http",
    "bearertokenauthextension": "bearertokenauth",
    "healthcheckextension": "health_check",
    "filestorage": "file_storage",
    "envprovider": "env",
    "fileprovider": "file",
}


def manifest() -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load((COLLECTOR / "manifest.yaml").read_text()))


def modules(kind: str) -> list[tuple[str, str]]:
    """Return the Go modules of one kind with their versions."""
    lines = [str(entry["gomod"]) for entry in manifest().get(kind, [])]
    return [(path, version) for path, _, version in (line.partition(" ") for line in lines)]


def built(kind: str) -> set[str]:
    return {TYPE_OF[path.rsplit("/", 1)[1]] for path, _ in modules(kind)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_manifest_has_exactly_what_is_configured(kind: str) -> None:
    files = [load(name) for name in ("base", *ENVIRONMENTS)]
    configured = {component_type(name) for file in files for name in defined(file, kind)}
    assert built(kind) == configured


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_everything_configured_is_used(name: str) -> None:
    base, environment = load("base"), load(name)
    used = {*environment["service"]["extensions"]}
    for pipeline in chain(pipelines(base).values(), pipelines(environment).values()):
        used |= {*chain.from_iterable(pipeline.values())}
    for kind in KINDS:
        assert {*defined(base, kind), *defined(environment, kind)} <= used, kind


def test_the_configurations_use_only_providers_that_are_built_in() -> None:
    texts = [(COLLECTOR / f"{name}.yaml").read_text() for name in ("base", *ENVIRONMENTS)]
    schemes = {scheme for text in texts for scheme in re.findall(r"\$\{(\w+):", text)}
    # Files themselves are read by the file provider.
    assert schemes | {"file"} == built("providers")


def test_the_generated_sources_are_the_manifest_s() -> None:
    go_mod = (BUILD / "go.mod").read_text()
    components = (BUILD / "components.go").read_text() + (BUILD / "main.go").read_text()
    listed = [module for kind in (*KINDS, "providers") for module in modules(kind)]
    direct = go_mod[: go_mod.index(")")]
    for path, version in listed:
        assert f"{path} {version}" in direct, path
        assert f'"{path}"' in components, path
    imported = re.findall(
        r'"([^"\s]+/(?:receiver|processor|exporter|connector|extension|provider)/[^"\s]+)"',
        components,
    )
    assert {*imported} == {path for path, _ in listed}


def test_one_version_everywhere() -> None:
    version = manifest()["dist"]["version"]
    (component,) = (one for one in COMPONENTS if one.name == "collector")
    assert component.version == version
    assert f'"{version}"' in (BUILD / "main.go").read_text()
    for kind in KINDS:
        assert {module_version for _, module_version in modules(kind)} == {f"v{version}"}
