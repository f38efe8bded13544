"""The configuration files are the native stack's; compose gives each what it reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.compose.rendering import CHECKOUT, ENVIRONMENTS, Service, environment_of, services

# `${NAME:-default}`, `${env:NAME:-default}`: Loki, Tempo, the Collector. Comments aside.
REFERENCE = re.compile(r"\$\{(?:env:)?([A-Z][A-Z0-9_]*)(:-)?")
# Grafana's provisioning has no defaults: every `$NAME` must be set. `$$` is a `$` of its own.
PROVISIONED = re.compile(r"(?<!\$)\$([A-Z][A-Z0-9_]*)")
ADDRESS = re.compile(r"_(ADDRESS|URL)$")


def uncommented(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def references(path: Path) -> dict[str, bool]:
    """Variable → whether the file has a default for it."""
    return {name: bool(default) for name, default in REFERENCE.findall(uncommented(path))}


def read_by(environment: str) -> dict[str, list[Path]]:
    collector = CHECKOUT / "collector"
    return {
        "collector": [collector / "base.yaml", collector / f"{environment}.yaml"],
        "loki": [CHECKOUT / "backends" / "loki.yaml"],
        "tempo": [CHECKOUT / "backends" / "tempo.yaml"],
    }


@pytest.mark.parametrize("part", ["collector", "loki", "tempo"])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_variable_without_a_default_is_given(environment: str, part: str) -> None:
    given = environment_of(services(environment)[part])
    for path in read_by(environment)[part]:
        missing = [name for name, default in references(path).items() if not default]
        assert [name for name in missing if name not in given] == [], path


@pytest.mark.parametrize("part", ["collector", "loki", "tempo"])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_address_is_left_at_its_native_default(environment: str, part: str) -> None:
    given = environment_of(services(environment)[part])
    for path in read_by(environment)[part]:
        addresses = [name for name in references(path) if ADDRESS.search(name)]
        assert [name for name in addresses if name not in given] == [], path


@pytest.mark.parametrize("part", ["collector", "loki", "tempo"])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_is_given_that_no_file_reads(environment: str, part: str) -> None:
    read = {name for path in read_by(environment)[part] for name in references(path)}
    ours = {name for name in environment_of(services(environment)[part]) if "GAUGEWAY" in name}
    # Said everywhere, read by the environments that keep queues or write debug output.
    assert ours - read <= {"GAUGEWAY_COLLECTOR_DATA"}


def mounts(service: Service) -> dict[str, Path]:
    return {volume["target"]: Path(volume["source"]) for volume in service["volumes"]}


def option(service: Service, name: str) -> str:
    values = [text.partition("=")[2] for text in service["command"] if text.startswith(f"{name}=")]
    assert len(values) == 1, name
    return values[0]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("part", ["loki", "tempo", "prometheus"])
def test_a_backend_runs_the_repositorys_file(environment: str, part: str) -> None:
    service = services(environment)[part]
    flag = "-config.file" if part in ("loki", "tempo") else "--config.file"
    inside = Path(option(service, flag))
    mounted = mounts(service)
    direct = mounted.get(str(inside))
    resolved = direct or mounted[str(inside.parent)] / inside.name
    assert resolved == CHECKOUT / "backends" / f"{part}.yaml"


@pytest.mark.parametrize("part", ["prometheus", "alertmanager"])
def test_the_flags_are_those_the_file_names(part: str) -> None:
    header = (CHECKOUT / "backends" / f"{part}.yaml").read_text(encoding="utf-8")
    documented = set(re.findall(r"^#\s+(--[a-z.-]+)", header, flags=re.MULTILINE))
    used = {text.partition("=")[0] for text in services("dev")[part]["command"]}
    assert used == documented


def test_what_prometheus_scrapes_is_in_the_project() -> None:
    backends = CHECKOUT / "backends" / "targets"
    project = services("dev")
    for path in backends.glob("*.yaml"):
        for group in yaml.safe_load(path.read_text(encoding="utf-8")):
            for target in group["targets"]:
                host = target.partition(":")[0]
                assert host == "127.0.0.1" or "telemetry" in project[host]["networks"], target


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_grafana_has_every_variable_its_provisioning_reads(environment: str) -> None:
    given = environment_of(services(environment)["grafana"])
    files = list((CHECKOUT / "grafana" / "provisioning").rglob("*.yaml"))
    assert files
    read = {name for path in files for name in PROVISIONED.findall(uncommented(path))}
    # Grafana reads the model of a rule's query as it is: `$B` is the step before.
    assert sorted(read - set(given) - {"B"}) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_grafanas_dashboards_are_where_provisioning_looks(environment: str) -> None:
    grafana = services(environment)["grafana"]
    path = environment_of(grafana)["GAUGEWAY_DASHBOARDS_PATH"]
    assert mounts(grafana)[path] == CHECKOUT / "grafana" / "dashboards" / "json"


def test_the_collector_asks_for_less_memory_than_it_has() -> None:
    collector = services("dev")["collector"]
    limit = int(environment_of(collector)["GAUGEWAY_COLLECTOR_MEMORY_MIB"])
    assert limit * 1024**2 < 0.75 * int(collector["mem_limit"])
