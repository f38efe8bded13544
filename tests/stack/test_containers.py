"""Against a stand-in for the docker command: what it is asked, and what is made of its answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stack.components.component import NAMES
from stack.containers import Containers, ContainersError, runs_in_containers
from stack.home import Home
from tests.stack.conftest import MakeSettings

RUNNING = [
    {
        "Service": name,
        "State": "running",
        "Health": "" if name == "collector" else "healthy",
        "Image": f"registry/{name}:1.2.3",
    }
    for name in NAMES
]

MakeDocker = Callable[..., Path]


@pytest.fixture
def make_docker(tmp_path: Path) -> MakeDocker:
    """Makes a docker command that answers as told, by the first words of what it is asked."""

    def make(**answers: tuple[int, str]) -> Path:
        asked = tmp_path / "asked"
        cases = "\n".join(
            f"  *'{words.replace('_', ' ')}'*) cat <<'END'\n{out}\nEND\n  exit {code};;"
            for words, (code, out) in answers.items()
        )
        script = tmp_path / "docker"
        script.write_text(
            f'#!/bin/sh\necho "$GAUGEWAY_ENV $GAUGEWAY_LOKI_PORT $*" >> {asked}\n'
            f'case "$*" in\n{cases}\n  *) exit 0;;\nesac\n'
        )
        script.chmod(0o755)
        return script

    return make


def lines(items: list[dict[str, str]]) -> str:
    return "\n".join(json.dumps(item) for item in items)


async def test_a_machine_without_docker_says_so(make_settings: MakeSettings) -> None:
    containers = Containers(make_settings(), docker="/nowhere/docker")
    assert await containers.obstacle() == "no Docker engine answers"


async def test_an_engine_without_compose_says_so(
    make_settings: MakeSettings, make_docker: MakeDocker
) -> None:
    docker = make_docker(compose_version=(1, ""))
    containers = Containers(make_settings(), docker=str(docker))
    assert await containers.obstacle() == "`docker compose` is not installed"


async def test_an_image_that_cannot_be_had_is_named_and_our_own_is_not_looked_for(
    make_settings: MakeSettings, make_docker: MakeDocker
) -> None:
    docker = make_docker(
        config_=(0, "gaugeway/service:0.1.0\ngrafana/loki:3.7.8\nredis:7"),
        inspect_redis=(0, "[]"),
        inspect_grafana=(1, ""),
        inspect_gaugeway=(1, ""),
    )
    containers = Containers(make_settings(), docker=str(docker))
    assert await containers.obstacle() == "no image grafana/loki:3.7.8"


async def test_nothing_stands_in_the_way_where_everything_answers(
    make_settings: MakeSettings, make_docker: MakeDocker
) -> None:
    docker = make_docker(config_=(0, "grafana/loki:3.7.8"))
    assert await Containers(make_settings(), docker=str(docker)).obstacle() == ""


async def test_a_start_waits_for_health_on_this_stacks_ports_and_is_on_record(
    make_settings: MakeSettings, make_docker: MakeDocker, home: Home, tmp_path: Path
) -> None:
    settings = make_settings()
    containers = Containers(settings, docker=str(make_docker()))
    await containers.start()
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith(f"dev {settings.ports.loki} compose --file ")
    assert asked.endswith("up --detach --wait\n")
    assert runs_in_containers(home)
    await containers.stop()
    assert not runs_in_containers(home)


async def test_a_start_that_fails_says_what_docker_said(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'bind: address already in use' >&2; exit 1\n")
    docker.chmod(0o755)
    with pytest.raises(ContainersError, match="address already in use"):
        await Containers(make_settings(), docker=str(docker)).start()


@pytest.mark.parametrize("form", [lines, json.dumps])
async def test_running_containers_are_ready_with_the_version_of_their_image(
    make_settings: MakeSettings, make_docker: MakeDocker, form: Callable[[object], str]
) -> None:
    docker = make_docker(ps_=(0, form(RUNNING)), exec_=(0, "gw_1_2"))
    status = await Containers(make_settings(), docker=str(docker)).status()
    assert status.ready
    assert status.api_key == "gw_1_2"
    assert [part.name for part in status.components] == list(NAMES)
    assert {part.version for part in status.components} == {"1.2.3"}


async def test_a_container_that_died_is_named_with_its_last_lines(
    make_settings: MakeSettings, make_docker: MakeDocker
) -> None:
    items = [
        {**item, "State": "exited", "Health": ""} if item["Service"] == "loki" else item
        for item in RUNNING
    ]
    docker = make_docker(ps_=(0, lines(items)), logs_=(0, "the disk is on fire"))
    status = await Containers(make_settings(), docker=str(docker)).status()
    loki = next(part for part in status.components if part.name == "loki")
    assert (status.ready, loki.ready, loki.dead) == (False, False, True)
    assert loki.log_lines == ("the disk is on fire",)


async def test_outside_dev_only_what_a_person_needs_has_an_address(
    make_settings: MakeSettings, make_docker: MakeDocker
) -> None:
    docker = make_docker(ps_=(0, lines(RUNNING)))
    settings = make_settings(environment="prod")
    status = await Containers(settings, docker=str(docker)).status()
    shown = {part.name for part in status.components if part.url}
    assert shown == {"service", "collector", "grafana"}


def test_compose_is_told_who_evaluates_alerts_and_where_receivers_are(
    make_settings: MakeSettings, home: Home
) -> None:
    settings = make_settings(alerting="grafana", inherited={"GAUGEWAY_RECEIVERS_DIR": "./theirs"})
    given = Containers(settings).environment()
    assert given["GAUGEWAY_ALERTING"] == "grafana"
    assert given["GAUGEWAY_RECEIVERS_DIR"] == "./theirs"
    (home.path / "receivers").mkdir()
    given = Containers(make_settings()).environment()
    assert given["GAUGEWAY_ALERTING"] == "prometheus"
    assert given["GAUGEWAY_RECEIVERS_DIR"] == str(home.path / "receivers")
