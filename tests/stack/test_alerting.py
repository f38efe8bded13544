"""Natively too, one side has the alert rules and the other has none, and receivers are files."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stack.components.alerting import (
    AlertingError,
    alertmanager_file,
    grafana_alerting,
    loki_alerts,
    write_alerting,
)
from stack.components.backends import prometheus_directory, write_prometheus_directory
from stack.home import Home
from stack.settings import Settings, SettingsError, load
from tests.stack.conftest import MakeSettings

CANARY = "https://hooks.slack.example/canary-hunter2"


def laid_out(settings: Settings, *, grafana: bool = True) -> Settings:
    settings.home.prepare()
    write_prometheus_directory(settings)
    write_alerting(settings, prometheus_directory(settings), grafana=grafana)
    return settings


def rules_of_prometheus(settings: Settings) -> list[str]:
    """The alert rules that its `rule_files` lead to; recording rules lie elsewhere."""
    return [path.name for path in prometheus_directory(settings).glob("alerts/*.yaml")]


def rules_of_loki(settings: Settings) -> list[str]:
    return [path.name for path in loki_alerts(settings).glob("*/*.yaml")]


def rules_of_grafana(settings: Settings) -> list[str]:
    found = [yaml.safe_load(path.read_text()) for path in grafana_alerting(settings).glob("*.yaml")]
    return [
        rule["title"]
        for file in found
        for group in file.get("groups", [])
        for rule in group["rules"]
    ]


def test_prometheus_and_loki_evaluate_by_default_and_grafana_forgets_what_it_had(
    make_settings: MakeSettings,
) -> None:
    settings = laid_out(make_settings(), grafana=False)
    assert rules_of_prometheus(settings) == ["gaugeway.yaml"]
    assert rules_of_loki(settings) == ["gaugeway.yaml"]
    assert loki_alerts(settings).joinpath("fake").is_dir()
    assert rules_of_grafana(settings) == []
    [file] = grafana_alerting(settings).glob("*.yaml")
    removed = {rule["uid"] for rule in yaml.safe_load(file.read_text())["deleteRules"]}
    assert "gaugeway-ServiceDown" in removed


def test_where_grafana_evaluates_nobody_else_does_and_back_again(
    make_settings: MakeSettings, home: Home
) -> None:
    settings = laid_out(make_settings(alerting="grafana"))
    assert rules_of_prometheus(settings) == rules_of_loki(settings) == []
    assert "ServiceDown" in rules_of_grafana(settings)
    # An empty folder, because a missing one is an error to Loki.
    assert loki_alerts(settings).is_dir()
    again = laid_out(make_settings(home=home))
    assert rules_of_prometheus(again) == rules_of_loki(again) == ["gaugeway.yaml"]
    assert rules_of_grafana(again) == []


def test_rules_of_grafana_lead_to_the_runbooks_of_whoever_reads_them(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings(
        alerting="grafana", inherited={"GAUGEWAY_RUNBOOKS_URL": "https://git.example/runbooks/"}
    )
    text = (grafana_alerting(laid_out(settings)) / "rules.yaml").read_text()
    assert "runbook_url: https://git.example/runbooks/ServiceDown.md\n" in text


def test_recording_rules_are_there_whoever_evaluates(make_settings: MakeSettings) -> None:
    settings = laid_out(make_settings(alerting="grafana"))
    assert [*prometheus_directory(settings).glob("rules/*.yaml")]


def test_grafana_cannot_be_chosen_where_there_is_none(make_settings: MakeSettings) -> None:
    with pytest.raises(AlertingError, match="no Grafana is installed"):
        laid_out(make_settings(alerting="grafana"), grafana=False)


def test_a_receivers_file_in_the_home_is_used_and_its_secret_stays_closed_to_others(
    make_settings: MakeSettings, home: Home
) -> None:
    settings = make_settings()
    settings.receivers_folder.mkdir()
    (settings.receivers_folder / "slack").write_text(CANARY + "\n")
    laid_out(settings)
    file = alertmanager_file(settings)
    assert CANARY not in file.read_text()
    [slack] = {
        way["api_url_file"]
        for one in yaml.safe_load(file.read_text())["receivers"]
        for way in one.get("slack_configs", [])
    }
    assert Path(slack).read_text() == CANARY
    for folder in (file.parent, grafana_alerting(settings)):
        assert folder.stat().st_mode & 0o077 == 0
        assert folder.is_relative_to(home.path)


def test_a_receivers_file_that_cannot_be_used_is_named_and_not_repeated(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    (tmp_path / "slack").write_text("canary-hunter2")
    with pytest.raises(AlertingError, match=r"slack must hold one address") as refused:
        laid_out(make_settings(receivers=tmp_path))
    assert "hunter2" not in str(refused.value)


def test_the_switch_and_the_folder_are_variables(tmp_path: Path) -> None:
    environ = {"GAUGEWAY_HOME": str(tmp_path)}
    assert load(environ).alerting == "prometheus"
    assert load(environ).receivers_folder == tmp_path / "receivers"
    chosen = {"GAUGEWAY_ALERTING": "grafana", "GAUGEWAY_RECEIVERS_DIR": "/elsewhere"}
    assert load(environ | chosen).alerting == "grafana"
    assert load(environ | chosen).receivers_folder == Path("/elsewhere")
    with pytest.raises(
        SettingsError, match="GAUGEWAY_ALERTING has to be one of prometheus, grafana"
    ):
        load(environ | {"GAUGEWAY_ALERTING": "both"})
