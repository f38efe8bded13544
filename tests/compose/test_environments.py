"""GAUGEWAY_ENV picks the environment, and what it picks is all that differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.budgets.declared import DEFAULT_PATH
from service.settings import Settings
from tests.compose.rendering import (
    CHECKOUT,
    ENVIRONMENTS,
    Refused,
    Service,
    environment_of,
    render,
    services,
)

PARTS = {
    "service",
    "redis",
    "collector",
    "collector-volume",
    "prometheus",
    "loki",
    "tempo",
    "alertmanager",
    "notifications",
    "grafana",
    "load",
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_has_every_part(environment: str) -> None:
    assert set(services(environment)) == PARTS


def test_the_schema_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text("services: {redis: {imaeg: 'redis:7'}}\n")
    with pytest.raises(Refused, match=r"imaeg false schema"):
        render(files=(broken,))


def test_dev_is_the_default() -> None:
    assert render(environment=None) == render("dev")


def test_an_unknown_environment_is_refused() -> None:
    with pytest.raises(Refused, match=r"compose/production\.yaml"):
        render("production")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_collector_runs_the_base_and_the_environments_own_file(environment: str) -> None:
    assert services(environment)["collector"]["command"] == [
        "--config=/etc/gaugeway/collector/base.yaml",
        f"--config=/etc/gaugeway/collector/{environment}.yaml",
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_service_and_collector_agree_on_the_environment(environment: str) -> None:
    project = services(environment)
    named = {environment_of(project[name])["GAUGEWAY_ENV"] for name in ("service", "collector")}
    assert named == {environment}


def test_environments_share_no_volume() -> None:
    names = [
        volume["name"]
        for environment in ENVIRONMENTS
        for volume in render(environment)["volumes"].values()
    ]
    assert len(names) == len(set(names))


def test_prod_is_staging_but_for_its_name() -> None:
    staging, prod = services("staging"), services("prod")
    for name in PARTS - {"service", "collector"}:
        assert staging[name] == prod[name]


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_outside_dev_telemetry_goes_over_tls_with_a_token(environment: str) -> None:
    service = services(environment)["service"]
    assert environment_of(service)["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://collector:4318"
    held = {secret["target"] for secret in service["secrets"]}
    variables = environment_of(service)
    assert variables["OTEL_EXPORTER_OTLP_CERTIFICATE"] in held
    assert variables["GAUGEWAY_OTLP_TOKEN_FILE"] in held


@pytest.mark.parametrize("name", ["GAUGEWAY_PROMETHEUS_RETENTION", "GAUGEWAY_LOKI_RETENTION"])
def test_retention_is_a_variable(name: str) -> None:
    assert "91d" in str(render("prod", {name: "91d"})["services"])


def test_traces_have_their_own_retention() -> None:
    tempo = render("prod", {"GAUGEWAY_TEMPO_RETENTION": "2184h"})["services"]["tempo"]
    assert environment_of(tempo)["GAUGEWAY_TEMPO_RETENTION"] == "2184h"


def test_the_targets_file_can_be_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "targets.yaml"
    own.touch()
    service = render("dev", {"GAUGEWAY_TARGETS": str(own)})["services"]["service"]
    mounted = {volume["target"]: volume["source"] for volume in service["volumes"]}
    assert mounted[environment_of(service)["GAUGEWAY_TARGETS"]] == str(own)


def test_the_shipped_budgets_are_in_force_unless_others_are_named(tmp_path: Path) -> None:
    shipped = render("dev")["services"]["service"]
    assert _mounted(shipped, "GAUGEWAY_BUDGETS") == DEFAULT_PATH
    own = {"GAUGEWAY_BUDGETS_FOLDER": str(tmp_path), "GAUGEWAY_BUDGETS_FILE": "ours.yaml"}
    service = render("prod", own)["services"]["service"]
    assert _mounted(service, "GAUGEWAY_BUDGETS") == tmp_path / "ours.yaml"


def test_budgets_are_mounted_with_their_folder_so_that_a_new_file_in_its_place_is_seen() -> None:
    service = render("dev")["services"]["service"]
    targets = {volume["target"] for volume in service["volumes"]}
    assert environment_of(service)["GAUGEWAY_BUDGETS"] not in targets


def test_prices_of_ones_own_are_mounted_with_their_folder_and_there_are_none_by_default(
    tmp_path: Path,
) -> None:
    shipped = render("dev")["services"]["service"]
    assert environment_of(shipped)["GAUGEWAY_PRICES"] == ""
    own = {"GAUGEWAY_PRICES_FOLDER": str(tmp_path), "GAUGEWAY_PRICES_FILE": "ours.yaml"}
    service = render("prod", own)["services"]["service"]
    assert _mounted(service, "GAUGEWAY_PRICES") == tmp_path / "ours.yaml"
    targets = {volume["target"] for volume in service["volumes"]}
    assert environment_of(service)["GAUGEWAY_PRICES"] not in targets


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GAUGEWAY_UNPRICED", "refuse"),
        ("GAUGEWAY_LEDGER_WHEN_UNAVAILABLE", "stop"),
        ("GAUGEWAY_LEDGER_HOURS", "72"),
        ("GAUGEWAY_LEDGER_DAYS", "90"),
        ("GAUGEWAY_LEDGER_MONTHS", "24"),
        ("GAUGEWAY_JOURNAL_MAX_BYTES", "1048576"),
        ("GAUGEWAY_LEDGER_MEMORY_MAX_BYTES", "2097152"),
        ("GAUGEWAY_LEDGER_RESEND_SECONDS", "60"),
        ("GAUGEWAY_LEDGER_RESEND_MAX_BYTES", "1048576"),
    ],
)
def test_what_becomes_of_usage_is_a_variable_with_the_service_s_own_default(
    name: str, value: str
) -> None:
    given = render("prod", {name: value})["services"]["service"]
    assert environment_of(given)[name] == value
    default = Settings.model_fields[name.removeprefix("GAUGEWAY_").lower()].default
    assert environment_of(services("prod")["service"])[name] == str(default)


def _mounted(service: Service, name: str) -> Path:
    """Where on the machine the file is that a variable names inside the container."""
    inside = Path(environment_of(service)[name])
    for volume in service["volumes"]:
        if inside.is_relative_to(volume["target"]):
            return Path(volume["source"]) / inside.relative_to(volume["target"])
    raise AssertionError(f"{inside} is not mounted")


def test_provider_keys_come_from_a_file_that_need_not_be_there(tmp_path: Path) -> None:
    keys = tmp_path / "keys.env"
    keys.write_text("OPENAI_API_KEY=for-a-test\n")
    given = render("dev", {"GAUGEWAY_PROVIDER_KEYS": str(keys)})["services"]["service"]
    assert environment_of(given)["OPENAI_API_KEY"] == "for-a-test"
    assert "OPENAI_API_KEY" not in environment_of(services("dev")["service"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_mounted_file_is_in_the_repository(environment: str) -> None:
    sources = [
        Path(volume["source"])
        for service in services(environment).values()
        for volume in service.get("volumes", [])
        if volume["type"] == "bind"
    ]
    assert sources
    assert [path for path in sources if not path.exists()] == []
    assert all(path.is_relative_to(CHECKOUT) for path in sources)
