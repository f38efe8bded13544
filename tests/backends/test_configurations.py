"""Each backend accepts its one file, and the file keeps the promises other rooms rely on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from stack.binaries import ensure

BACKENDS = Path(__file__).parents[2] / "backends"


def text(name: str) -> str:
    return (BACKENDS / f"{name}.yaml").read_text()


def load(name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load(text(name)))


def variables(name: str) -> dict[str, str]:
    """Return the variables a file expands, with their defaults."""
    found = re.findall(r"\$\{(\w+):-([^}]*)\}", text(name))
    defaults = dict(found)
    assert all(defaults[variable] == default for variable, default in found)
    return defaults


def run(binary: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ensure([binary])[binary], *arguments],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["loki", "tempo"])
def test_every_variable_is_explained_at_the_top_with_its_default(name: str) -> None:
    explained = dict(re.findall(r"^#   (GAUGEWAY_\w+)\s+(\S+)", text(name), re.MULTILINE))
    assert variables(name) == explained


def test_retention_is_one_variable_each() -> None:
    assert variables("loki")["GAUGEWAY_LOKI_RETENTION"] == "14d"
    assert variables("tempo")["GAUGEWAY_TEMPO_RETENTION"] == "168h"
    assert "GAUGEWAY_PROMETHEUS_RETENTION (31d)" in text("prometheus")
    assert "GAUGEWAY_PROMETHEUS_RETENTION_SIZE (10GB)" in text("prometheus")
    assert load("loki")["compactor"]["retention_enabled"] is True


@pytest.mark.parametrize("name", ["loki", "tempo"])
def test_by_default_only_this_machine_is_listened_to(name: str) -> None:
    assert variables(name)["GAUGEWAY_BIND_ADDRESS"] == "127.0.0.1"
    assert load(name)["server"]["grpc_listen_address"] == "127.0.0.1"


def test_nobody_is_told_of_the_usage() -> None:
    assert load("loki")["analytics"]["reporting_enabled"] is False
    assert load("tempo")["usage_report"]["reporting_enabled"] is False


def test_prometheus_spells_names_as_the_panels_do() -> None:
    otlp = load("prometheus")["otlp"]
    assert otlp["translation_strategy"] == "UnderscoreEscapingWithSuffixes"
    assert set(otlp["promote_resource_attributes"]) == {
        "service.name",
        "service.namespace",
        "service.instance.id",
        "service.version",
        "deployment.environment.name",
    }


def test_prometheus_scrapes_the_infrastructure_and_never_the_service() -> None:
    (scrape,) = load("prometheus")["scrape_configs"]
    assert scrape["file_sd_configs"] == [{"files": ["targets/scrape.yaml"]}]
    groups = yaml.safe_load((BACKENDS / "targets" / "scrape.yaml").read_text())
    jobs = [group["labels"]["job"] for group in groups]
    assert jobs == ["prometheus", "collector", "loki", "tempo", "alertmanager"]


def test_loki_indexes_what_has_few_values() -> None:
    (rule,) = load("loki")["limits_config"]["otlp_config"]["resource_attributes"][
        "attributes_config"
    ]
    assert rule == {
        "action": "index_label",
        "attributes": ["service.name", "deployment.environment.name"],
    }


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_prometheus_accepts_its_file(tmp_path: Path) -> None:
    shutil.copytree(BACKENDS, tmp_path, dirs_exist_ok=True)
    answer = run("promtool", "check", "config", "--lint-fatal", tmp_path / "prometheus.yaml")
    assert answer.returncode == 0, answer.stderr


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_alertmanager_accepts_its_file() -> None:
    answer = run("amtool", "check-config", BACKENDS / "alertmanager.yaml")
    assert answer.returncode == 0, answer.stderr


@pytest.mark.e2e
@pytest.mark.timeout(900)
@pytest.mark.parametrize("flag", ["loki -verify-config", "tempo -config.verify"])
def test_loki_and_tempo_accept_their_files(flag: str) -> None:
    name, verify = flag.split()
    config = f"-config.file={BACKENDS / name}.yaml"
    answer = run(name, verify, "-config.expand-env=true", config)
    assert answer.returncode == 0, answer.stderr
