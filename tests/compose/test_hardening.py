"""Each container has no more than it needs, and starts in an order that works."""

from __future__ import annotations

from typing import Any

import pytest

from service.settings import Settings
from tests.compose.rendering import ENVIRONMENTS, Service, long_running, render, services

CASES = [(environment, name) for environment in ENVIRONMENTS for name in services(environment)]
# Its image is the binary alone: nothing in it could ask for the health of anything.
WITHOUT_HEALTH_CHECK = {"collector"}
# Both end at once: one gives a volume to its user, the other reads an operator's closed folder.
ADDED_RIGHTS = {"collector-volume": ["CHOWN"], "notifications": ["DAC_READ_SEARCH"]}
# What a person opens or sends to, and what only dev adds.
PUBLISHED = {"service": {8080}, "collector": {4317, 4318}, "grafana": {3000}}
PUBLISHED_IN_DEV = {
    "prometheus": {9090},
    "loki": {3100},
    "tempo": {3200},
    "alertmanager": {9093},
}


def part(environment: str, name: str) -> Service:
    return services(environment)[name]


@pytest.mark.parametrize(("environment", "name"), CASES)
def test_a_container_cannot_change_itself_or_gain_rights(environment: str, name: str) -> None:
    service = part(environment, name)
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert service.get("cap_add") == ADDED_RIGHTS.get(name)


@pytest.mark.parametrize(("environment", "name"), CASES)
def test_a_container_has_a_limit_of_memory_and_of_logs(environment: str, name: str) -> None:
    service = part(environment, name)
    assert int(service["mem_limit"]) <= 2 * 1024**3
    assert service["logging"]["driver"] == "json-file"
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}


@pytest.mark.parametrize(("environment", "name"), CASES)
def test_ports_are_bound_to_loopback(environment: str, name: str) -> None:
    ports: list[dict[str, Any]] = part(environment, name).get("ports", [])
    assert [port for port in ports if port.get("host_ip") != "127.0.0.1"] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_what_a_person_needs_has_a_port(environment: str) -> None:
    published = {
        name: {port["target"] for port in service["ports"]}
        for name, service in services(environment).items()
        if service.get("ports")
    }
    expected = PUBLISHED | PUBLISHED_IN_DEV if environment == "dev" else PUBLISHED
    assert published == expected


def test_every_published_port_has_its_variable() -> None:
    variables = {
        "GAUGEWAY_SERVICE_PORT": "30001",
        "GAUGEWAY_OTLP_GRPC_PORT": "30002",
        "GAUGEWAY_OTLP_HTTP_PORT": "30003",
        "GAUGEWAY_PROMETHEUS_PORT": "30004",
        "GAUGEWAY_GRAFANA_PORT": "30005",
        "GAUGEWAY_ALERTMANAGER_PORT": "30006",
        "GAUGEWAY_LOKI_PORT": "30007",
        "GAUGEWAY_TEMPO_PORT": "30008",
    }
    moved = render("dev", variables)["services"]
    published = {port["published"] for part in moved.values() for port in part.get("ports", [])}
    assert published == set(variables.values())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_stays_up_is_restarted_and_says_how_it_is(environment: str) -> None:
    staying = long_running(services(environment))
    assert {service["restart"] for service in staying.values()} == {"unless-stopped"}
    silent = {name for name, service in staying.items() if "healthcheck" not in service}
    assert silent == WITHOUT_HEALTH_CHECK


@pytest.mark.parametrize(("environment", "name"), CASES)
def test_a_start_waits_for_health_wherever_it_can_be_asked(environment: str, name: str) -> None:
    project = services(environment)
    awaited: dict[str, dict[str, Any]] = project[name].get("depends_on") or {}
    for other, dependency in awaited.items():
        if "healthcheck" in project[other]:
            assert dependency["condition"] == "service_healthy"
        elif project[other]["restart"] == "no":
            assert dependency["condition"] == "service_completed_successfully"
        else:
            assert dependency["condition"] == "service_started"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_service_and_the_backends_share_no_network(environment: str) -> None:
    project = services(environment)
    assert set(project["service"]["networks"]) == {"application"}
    for backend in ("prometheus", "loki", "tempo", "alertmanager", "grafana"):
        assert set(project[backend]["networks"]) == {"telemetry"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_data_outlives_its_container(environment: str) -> None:
    for name, service in long_running(services(environment)).items():
        kinds = {volume["type"] for volume in service["volumes"]}
        assert "volume" in kinds, name


def test_load_starts_only_when_asked() -> None:
    load = services("dev")["load"]
    assert load["profiles"] == ["load"]
    assert load["restart"] == "no"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_redis_keeps_what_it_took_and_has_room_for_it(environment: str) -> None:
    """Its file is on, nothing is evicted, and the response cache takes a part of it only."""
    redis = part(environment, "redis")
    command: list[str] = redis["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    megabytes = int(options["--maxmemory"].removesuffix("mb"))
    assert megabytes * 1024**2 >= 4 * Settings.model_fields["cache_max_bytes"].default
    assert int(redis["mem_limit"]) >= 2 * megabytes * 1024**2
