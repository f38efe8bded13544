from __future__ import annotations

from pathlib import Path

import pytest

from stack.components.redis import without_credentials
from stack.settings import SettingsError, load
from tests.service.test_redis_address import REFUSED, SECRET, USABLE


def test_without_variables_the_documented_ports_are_used() -> None:
    ports = load({}).ports
    assert (ports.service, ports.otlp_grpc, ports.otlp_http, ports.prometheus) == (
        8080,
        4317,
        4318,
        9090,
    )
    assert (ports.grafana, ports.alertmanager, ports.loki, ports.tempo, ports.redis) == (
        3000,
        9093,
        3100,
        3200,
        6379,
    )


def test_an_offset_moves_every_port_that_is_not_set_itself() -> None:
    ports = load({"GAUGEWAY_PORT_OFFSET": "1000", "GAUGEWAY_LOKI_PORT": "3100"}).ports
    assert ports.service == 9080
    assert ports.tempo == 4200
    assert ports.loki == 3100


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GAUGEWAY_ENV", "production"),
        ("GAUGEWAY_PORT_OFFSET", "-1"),
        ("GAUGEWAY_PORT_OFFSET", "60000"),
        ("GAUGEWAY_SERVICE_PORT", "eighty"),
        ("GAUGEWAY_SERVICE_PORT", "70000"),
        ("GAUGEWAY_WORKERS", "0"),
        ("GAUGEWAY_GRAFANA_HOME", "/nowhere/at/all"),
        ("GAUGEWAY_HOME", "/etc/hostname"),
        ("REDIS_URL", "http://localhost"),
        ("GAUGEWAY_COLLECTOR_TOKEN_FILE", "/nowhere/token"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_variable(
    variable: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=variable):
        load({variable: value})


@pytest.mark.parametrize(
    "variable",
    [
        *("GAUGEWAY_ENV", "GAUGEWAY_ALERTING", "GAUGEWAY_WORKERS", "GAUGEWAY_START_SECONDS"),
        *("GAUGEWAY_PORT_OFFSET", "GAUGEWAY_SERVICE_PORT", "REDIS_URL"),
        *("GAUGEWAY_COLLECTOR_TOKEN_FILE", "GAUGEWAY_COLLECTOR_TLS_KEY"),
    ],
)
def test_a_secret_in_the_wrong_variable_is_not_repeated(variable: str) -> None:
    with pytest.raises(SettingsError, match=variable) as refused:
        load({variable: "hunter2-canary"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("address", USABLE)
def test_an_address_of_redis_that_the_service_takes_is_taken(address: str) -> None:
    assert load({"REDIS_URL": f"{address}\n"}).redis_url == address


@pytest.mark.parametrize("address", REFUSED)
def test_no_address_of_redis_has_a_part_of_a_password_shown(address: str) -> None:
    try:
        taken = load({"REDIS_URL": address}).redis_url
    except SettingsError as refused:
        shown = str(refused)
    else:
        shown = without_credentials(str(taken))
    assert SECRET not in shown


def test_two_parts_on_one_port_are_refused_with_both_variables() -> None:
    with pytest.raises(SettingsError, match="both 3200") as refused:
        load({"GAUGEWAY_LOKI_PORT": "3200"})
    assert "GAUGEWAY_TEMPO_PORT" in str(refused.value)
    assert "GAUGEWAY_LOKI_PORT" in str(refused.value)


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    certificate = tmp_path / "server.crt"
    certificate.write_text("x")
    with pytest.raises(SettingsError, match="GAUGEWAY_COLLECTOR_TLS_KEY"):
        load({"GAUGEWAY_COLLECTOR_TLS_CERT": str(certificate)})


def test_an_environment_on_the_command_line_wins() -> None:
    assert load({"GAUGEWAY_ENV": "dev"}, environment="prod").environment == "prod"


def test_a_redis_password_appears_in_no_message_and_no_representation() -> None:
    secret = "hunter2-canary"
    with pytest.raises(SettingsError) as refused:
        load({"REDIS_URL": f"rediss//:{secret}@host"})
    assert secret not in str(refused.value)
    environ = {"REDIS_URL": f"redis://:{secret}@host/0", "OPENAI_API_KEY": secret}
    assert secret not in repr(load(environ))
