from __future__ import annotations

import json
import socket

import pytest

from stack.components.component import NAMES
from stack.home import Home
from stack.ports import port_variable
from tests.cli.conftest import Gaugeway


def test_help_says_what_it_is_for_and_names_every_command(gaugeway: Gaugeway) -> None:
    ran = gaugeway("--help")
    assert ran.code == 0
    assert "Make an LLM application observable" in ran.out
    for command in ("up", "down", "status", "logs", "demo", "doctor", "build"):
        assert f" {command} " in ran.out


@pytest.mark.parametrize("command", ["up", "down", "status", "logs", "demo", "doctor", "build"])
def test_every_command_explains_itself(gaugeway: Gaugeway, command: str) -> None:
    ran = gaugeway(command, "--help")
    assert ran.code == 0
    assert "Usage: gaugeway" in ran.out


def test_the_status_document_has_exactly_what_is_promised(gaugeway: Gaugeway, home: Home) -> None:
    home.dev_api_key.write_text("gw_1_2\n")
    ran = gaugeway("status", "--json")
    document = json.loads(ran.out)
    assert set(document) == {"service", "components"}
    assert set(document["service"]) == {"url", "api_key"}
    assert document["service"]["api_key"] == "gw_1_2"
    assert [part["name"] for part in document["components"]] == list(NAMES)
    for part in document["components"]:
        assert set(part) == {"name", "url", "ready", "version"}
    assert ran.code == 1


def test_what_is_not_installed_has_no_url_and_is_neither_ready_nor_not(
    gaugeway: Gaugeway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    document = json.loads(gaugeway("status", "--json").out)
    grafana = document["components"][-1]
    assert grafana == {"name": "grafana", "url": "", "ready": None, "version": ""}


def test_the_status_of_a_stack_that_is_down_says_how_to_start_it(gaugeway: Gaugeway) -> None:
    ran = gaugeway("status")
    assert ran.code == 1
    assert "gaugeway up" in ran.out
    for name in NAMES:
        assert name in ran.out


def test_stopping_nothing_says_so(gaugeway: Gaugeway, home: Home) -> None:
    ran = gaugeway("down")
    assert (ran.code, ran.out) == (0, f"nothing is running in {home.path}\n")


def test_the_demo_without_a_stack_says_how_to_start_one(gaugeway: Gaugeway) -> None:
    ran = gaugeway("demo", "--seconds", "1")
    assert ran.code == 1
    assert "gaugeway up --detach" in ran.err


def test_a_variable_that_cannot_be_used_is_one_message_and_no_traceback(
    gaugeway: Gaugeway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAUGEWAY_LOKI_PORT", "many")
    ran = gaugeway("status")
    assert ran.code == 1
    assert "GAUGEWAY_LOKI_PORT" in ran.err
    assert "Traceback" not in ran.err + ran.out


def test_an_unknown_environment_is_refused_with_those_there_are(gaugeway: Gaugeway) -> None:
    ran = gaugeway("up", "--env", "moon")
    assert ran.code == 1
    assert "dev, staging, prod" in ran.err


def test_logs_shows_the_last_lines(gaugeway: Gaugeway, home: Home) -> None:
    home.prepare()
    home.log("loki").write_text("".join(f"line {number}\n" for number in range(100)))
    ran = gaugeway("logs", "loki", "-n", "2")
    assert (ran.code, ran.out) == (0, "line 98\nline 99\n")


def test_logs_of_an_unknown_component_names_those_there_are(gaugeway: Gaugeway) -> None:
    ran = gaugeway("logs", "postgres")
    assert ran.code == 2
    assert "prometheus" in ran.err


def test_logs_of_a_component_that_never_ran_says_so(gaugeway: Gaugeway) -> None:
    ran = gaugeway("logs", "tempo")
    assert ran.code == 1
    assert "tempo has written nothing yet" in ran.err


def test_the_doctor_finds_this_machine_fit(gaugeway: Gaugeway) -> None:
    ran = gaugeway("doctor", "--json")
    document = json.loads(ran.out)
    findings = {finding["name"]: finding for finding in document["findings"]}
    assert document["healthy"] == (ran.code == 0)
    assert {"Python", "Go", "Redis", "home", "ports", "collector", "loki"} <= set(findings)
    assert findings["Python"]["ok"]
    assert findings["ports"]["found"] == "all free"


def test_the_doctor_fails_on_a_taken_port_and_says_what_to_set(
    gaugeway: Gaugeway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        variable = port_variable("prometheus")
        monkeypatch.setenv(variable, str(listener.getsockname()[1]))
        ran = gaugeway("doctor")
    assert ran.code == 1
    assert variable in ran.out


def test_the_doctor_without_go_says_which_to_install(
    gaugeway: Gaugeway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAUGEWAY_GO", "/nowhere/go")
    ran = gaugeway("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(ran.out)["findings"]}
    assert ran.code == 1
    assert not findings["Go"]["ok"]
    assert "install Go 1." in findings["Go"]["advice"]
