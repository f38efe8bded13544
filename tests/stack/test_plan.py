from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from stack.components.backends import write_prometheus_directory
from stack.components.component import NAMES, Component, Process
from stack.components.redis import without_credentials
from stack.home import Home
from stack.plan import NEEDED_BINARIES, lay_out, make_credentials, outlook, plan
from stack.settings import Settings
from stack.supervision.project import environment_file, project, write_project
from tests.stack.conftest import MakeSettings

SECRET = "canary-hunter2"
BINARIES = {name: Path("/cache") / name for name in NEEDED_BINARIES}


def planned(settings: Settings) -> dict[str, Component]:
    settings.home.prepare()
    return {part.name: part for part in plan(settings, BINARIES, make_credentials(settings))}


def process_of(parts: dict[str, Component], name: str) -> Process:
    process = parts[name].process
    assert process is not None
    return process


def test_the_parts_are_those_that_status_promises_in_its_order(
    make_settings: MakeSettings,
) -> None:
    assert tuple(planned(make_settings())) == NAMES
    assert tuple(part.name for part in outlook(make_settings())) == NAMES


def test_looking_at_a_stack_sees_the_parts_that_starting_it_plans(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings()
    started, seen = planned(settings), outlook(settings)
    assert [(part.name, part.origin, part.url, part.probe) for part in started.values()] == [
        (part.name, part.origin, part.url, part.probe) for part in seen
    ]


def test_an_operators_redis_is_used_and_not_started(make_settings: MakeSettings) -> None:
    url = f"redis://user:{SECRET}@redis.example:6380/2"
    parts = planned(make_settings(redis_url=url))
    assert (parts["redis"].origin, parts["redis"].process) == ("external", None)
    assert parts["redis"].url == "redis://redis.example:6380/2"
    assert process_of(parts, "service").private_environment["REDIS_URL"] == url
    collector = process_of(parts, "collector").private_environment
    assert collector["GAUGEWAY_REDIS_ADDRESS"] == "redis.example:6380"
    assert collector["GAUGEWAY_REDIS_PASSWORD"] == SECRET


def test_a_redis_on_a_socket_reaches_the_collector_as_one(make_settings: MakeSettings) -> None:
    parts = planned(make_settings(redis_url="unix:///run/redis.sock"))
    collector = process_of(parts, "collector").private_environment
    assert collector == {
        "GAUGEWAY_REDIS_ADDRESS": "/run/redis.sock",
        "GAUGEWAY_REDIS_TRANSPORT": "unix",
    }


def test_no_secret_stands_in_the_managers_configuration_or_on_a_command_line(
    make_settings: MakeSettings, home: Home
) -> None:
    settings = make_settings(
        environment="prod",
        redis_url=f"redis://:{SECRET}@host/0",
        inherited={"OPENAI_API_KEY": SECRET, "PATH": "/usr/bin:/bin"},
    )
    parts = planned(settings)
    token = (home.secrets / "otlp-token").read_text()
    path = write_project(home, tuple(parts.values()))
    assert SECRET not in path.read_text()
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    private = environment_file(home, "service")
    assert SECRET in private.read_text()
    assert token in private.read_text()
    assert private.stat().st_mode & 0o077 == 0
    assert SECRET not in repr(parts)


def test_only_the_service_gets_the_operators_environment(make_settings: MakeSettings) -> None:
    parts = planned(make_settings(inherited={"OPENAI_API_KEY": SECRET}))
    holders = [
        part.name
        for part in parts.values()
        if part.process is not None
        and SECRET in str((part.process.environment, part.process.private_environment))
    ]
    assert holders == ["service"]


def test_the_service_sends_otlp_over_http_to_this_stacks_collector(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings()
    environment = process_of(planned(settings), "service").private_environment
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == settings.otlp_http_url
    assert environment["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"
    assert "OTEL_EXPORTER_OTLP_HEADERS" not in environment
    assert environment["GAUGEWAY_SIMULATE_CONTROL"] == "1"
    for backend in ("prometheus", "loki", "tempo"):
        assert environment[f"GAUGEWAY_{backend.upper()}_URL"] == settings.url(backend)


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_outside_dev_telemetry_goes_over_tls_with_a_token(
    make_settings: MakeSettings, home: Home, environment: str
) -> None:
    parts = planned(make_settings(environment=environment))
    service = process_of(parts, "service").private_environment
    collector = process_of(parts, "collector")
    token = (home.secrets / "otlp-token").read_text()
    assert service["OTEL_EXPORTER_OTLP_ENDPOINT"].startswith("https://127.0.0.1:")
    assert service["OTEL_EXPORTER_OTLP_CERTIFICATE"] == str(home.tls / "ca.crt")
    assert service["OTEL_EXPORTER_OTLP_HEADERS"] == f"authorization=Bearer%20{token}"
    assert "GAUGEWAY_SIMULATE_CONTROL" not in service
    assert service["GAUGEWAY_SCRAPE_TOKEN_FILE"] == str(home.secrets / "scrape-token")
    assert collector.environment["GAUGEWAY_COLLECTOR_TOKEN_FILE"] == str(
        home.secrets / "otlp-token"
    )
    assert collector.command[-1].endswith(f"collector/{environment}.yaml")


def test_the_number_of_workers_reaches_uvicorn(make_settings: MakeSettings) -> None:
    command = process_of(planned(make_settings(workers=4)), "service").command
    assert command[command.index("--workers") + 1] == "4"


def test_the_service_stops_before_the_collector_and_that_before_the_backends(
    make_settings: MakeSettings, home: Home
) -> None:
    document = project(home, tuple(planned(make_settings()).values()))
    after = {name: set(facts["depends_on"]) for name, facts in document["processes"].items()}
    assert document["ordered_shutdown"] is True
    assert "collector" in after["service"]
    assert {"prometheus", "loki", "tempo"} <= after["collector"]
    assert all(after[backend] == set[str]() for backend in ("prometheus", "loki", "tempo"))


def test_prometheus_scrapes_this_stack_and_never_the_service(
    make_settings: MakeSettings, home: Home
) -> None:
    settings = make_settings()
    home.prepare()
    write_prometheus_directory(settings)
    write_prometheus_directory(settings)
    directory = home.config / "prometheus"
    scraped = json.loads((directory / "targets" / "scrape.yaml").read_text())
    jobs = {group["labels"]["job"]: group["targets"] for group in scraped}
    assert jobs["collector"] == [f"127.0.0.1:{settings.ports.collector_metrics}"]
    assert "service" not in jobs
    named = yaml.safe_load((directory / "prometheus.yaml").read_text())
    files = [
        file
        for job in named["scrape_configs"]
        for group in job["file_sd_configs"]
        for file in group["files"]
    ]
    assert all((directory / file).is_file() for file in files)


def test_a_grafana_home_without_grafana_says_so(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    grafana = planned(make_settings(grafana_home=tmp_path))["grafana"]
    assert (grafana.origin, grafana.url) == ("absent", "")
    assert str(tmp_path) in grafana.hint


def test_an_installed_grafana_is_provisioned_from_the_checkout_without_a_default_password(
    make_settings: MakeSettings, home: Home, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "grafana").write_text("")
    settings = make_settings(grafana_home=tmp_path)
    parts = planned(settings)
    lay_out(settings, tuple(parts.values()))
    process = process_of(parts, "grafana")
    environment = process.environment
    assert process.command == (str(tmp_path / "bin/grafana"), "server", f"--homepath={tmp_path}")
    assert Path(environment["GF_PATHS_PROVISIONING"], "datasources").is_dir()
    assert Path(environment["GAUGEWAY_DASHBOARDS_PATH"]).is_dir()
    assert environment["GAUGEWAY_TEMPO_URL"] == settings.url("tempo")
    expression = environment["GF_SECURITY_ADMIN_PASSWORD"]
    assert expression.startswith("$__file{")
    password = Path(expression.removeprefix("$__file{").removesuffix("}"))
    assert len(password.read_text()) >= 43
    assert password.is_relative_to(home.secrets)


def test_every_managed_part_has_a_directory_for_its_data(
    make_settings: MakeSettings, home: Home
) -> None:
    settings = make_settings()
    parts = planned(settings)
    lay_out(settings, tuple(parts.values()))
    assert all(home.data(part.name).is_dir() for part in parts.values() if part.process)


def test_values_with_template_and_shell_signs_mean_themselves(home: Home) -> None:
    home.prepare()
    process = Process(
        command=("/bin/echo", "$HOME {{.x}}"),
        directory=home.path,
        environment={"TEMPLATE": "{{ .x }}"},
        private_environment={"QUOTED": "it's $HOME\nand `more`", "bad-name": "x", "UID": "1"},
    )
    facts = project(home, (Component("odd", "managed", process=process),))["processes"]["odd"]
    assert facts["environment"] == ['TEMPLATE={{"{{"}} .x }}']
    assert facts["entrypoint"][-1] == "$HOME {{.x}}"
    write_project(home, (Component("odd", "managed", process=process),))
    assert environment_file(home, "odd").read_text() == "QUOTED='it'\"'\"'s $HOME\nand `more`'\n"


def test_credentials_never_show_in_an_address() -> None:
    assert without_credentials(f"rediss://me:{SECRET}@h:1/0?password={SECRET}") == "rediss://h:1/0"
    assert without_credentials("unix:///run/redis.sock?db=1") == "unix:///run/redis.sock"


def test_workers_have_time_to_start_on_a_busy_machine(make_settings: MakeSettings) -> None:
    command = process_of(planned(make_settings()), "service").command
    assert command[command.index("--timeout-worker-healthcheck") + 1] == "30"
