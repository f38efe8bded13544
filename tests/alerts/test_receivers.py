"""A receiver is a file: what is there is used, what is wrong is named, and no secret is shown."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.alerts import alertmanager_form, notifications
from grafana.alerts.alert import Team
from grafana.alerts.receivers import MailServer, ReceiverError, Receivers, names, read
from grafana.alerts.routes import Channel
from stack.binaries import ensure
from tests.alerts.secret_files import EVERY, SMTP, fill

SECRETS = ("canary-slack", "canary-discord", "canary-routing-key", "canary@password")


def written(folder: Path, into: Path, evaluated_by: str = "prometheus") -> Path:
    """What the command writes below `into`: `alertmanager` and `grafana`."""
    arguments = [f"--evaluated-by={evaluated_by}", f"--receivers={folder}"]
    places = [f"--{name}={into / name}" for name in ("alertmanager", "grafana")]
    assert notifications.main([*arguments, *places]) == 0
    return into


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_without_a_folder_there_is_no_receiver_and_nobody_is_told(tmp_path: Path) -> None:
    assert read(tmp_path / "missing") == Receivers({})
    settings = load(written(tmp_path / "missing", tmp_path) / "alertmanager/alertmanager.yaml")
    assert [one for one in settings["receivers"] if len(one) > 1] == []


def test_a_team_without_a_file_of_its_own_takes_the_one_of_all(tmp_path: Path) -> None:
    receivers = read(fill(tmp_path / "r", slack=EVERY["slack"], slack_ops=EVERY["slack"] + "-ops"))
    assert receivers.file(Channel.SLACK, Team.OPS) == "slack-ops"
    assert receivers.file(Channel.SLACK, Team.BILLING) == "slack"
    assert receivers.file(Channel.DISCORD, Team.OPS) is None


def test_an_empty_or_hidden_file_is_no_receiver(tmp_path: Path) -> None:
    folder = fill(tmp_path / "r", slack="  ")
    (folder / ".gitignore").write_text("*\n")
    assert read(folder) == Receivers({})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("slack", "canary-slack"),
        ("slack", "ftp://hooks.example/canary-slack"),
        ("slack", "https://hooks.example/canary-slack https://hooks.example/2"),
        ("discord", "https://discord.example/$canary"),
        ("webhook", "https:///canary"),
        ("pagerduty", "canary key"),
        ("email", "canary"),
        ("email", "a@example.com, canary"),
        ("smtp", "smtp://user:canary@host:587"),
        ("smtp", "https://user:canary@host?from=a@example.com"),
        ("smtp", "smtp://user:canary@host:port?from=a@example.com"),
        ("slak-ops", "https://hooks.example/canary"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_name_and_never_repeated(
    tmp_path: Path, name: str, text: str
) -> None:
    files = {name: text} if name == "smtp" else {"smtp": SMTP, name: text}
    with pytest.raises(ReceiverError, match=f"/{name} ") as refused:
        read(fill(tmp_path / "r", **files))
    assert "canary" not in str(refused.value)


def test_an_address_without_a_mail_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReceiverError, match="no file smtp"):
        read(fill(tmp_path / "r", email="a@example.com"))


def test_a_mail_server_is_one_address_with_signs_written_out(tmp_path: Path) -> None:
    mail = read(fill(tmp_path / "r", smtp=SMTP)).mail
    expected = ("smtp.example", 587, "gaugeway@example.com", "gaugeway", "canary@password")
    assert mail == MailServer(*expected)


def test_the_command_says_what_is_wrong_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fill(tmp_path / "r", slack="canary")
    places = [f"--{name}={tmp_path / name}" for name in ("receivers", "alertmanager", "grafana")]
    places[0] = f"--receivers={folder}"
    assert notifications.main(["--evaluated-by=prometheus", *places]) == 1
    assert "slack must hold one address" in capsys.readouterr().err
    assert not (tmp_path / "alertmanager").exists()


def test_alertmanagers_configuration_holds_no_secret_but_names_its_files(tmp_path: Path) -> None:
    into = written(fill(tmp_path / "r", **EVERY), tmp_path / "into")
    text = (into / "alertmanager" / "alertmanager.yaml").read_text()
    assert [secret for secret in SECRETS if secret in text] == []
    named = re.findall(r"_file: (\S+)", text)
    assert all(Path(file).is_file() for file in named)
    assert {Path(file).name for file in named} == {*EVERY, "smtp-password"} - {"email", "smtp"}


def test_what_is_no_receiver_any_more_is_gone_at_the_next_start(tmp_path: Path) -> None:
    folder = fill(tmp_path / "r", **EVERY)
    written(folder, tmp_path / "into", "grafana")
    (folder / "slack").unlink()
    into = written(folder, tmp_path / "into", "prometheus")
    assert not (into / "alertmanager" / "slack").exists()
    assert not (into / "grafana" / "contact-points.yaml").exists()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in into.rglob("*") if path.is_file()}
    assert modes == {0o444}


def test_grafana_sends_mail_only_where_it_notifies_and_has_a_server(tmp_path: Path) -> None:
    folder = fill(tmp_path / "r", smtp=SMTP, email="a@example.com")
    for evaluated_by, enabled in (("grafana", "true"), ("prometheus", "false")):
        grafana = written(folder, tmp_path / "into", evaluated_by) / "grafana"
        assert (grafana / "smtp_enabled").read_text() == enabled
        assert (grafana / "smtp_host").read_text() == "smtp.example:587"
    none = written(tmp_path / "missing", tmp_path / "none", "grafana") / "grafana"
    assert (none / "smtp_enabled").read_text() == "false"
    # Grafana refuses to start with a sender that is no address, mail or not.
    assert "@" in (none / "smtp_from").read_text()


@pytest.mark.parametrize("login", ["gaugeway:canary%40password@", ""])
def test_a_password_never_travels_in_the_clear(tmp_path: Path, login: str) -> None:
    smtp = f"smtp://{login}smtp.example:587?from=gaugeway@example.com"
    folder = fill(tmp_path / "r", smtp=smtp, email="a@example.com")
    into = written(folder, tmp_path / "into", "grafana")
    settings = load(into / "alertmanager" / "alertmanager.yaml")
    [ops] = [one for one in settings["receivers"] if one["name"] == "email-ops"]
    # Alertmanager requires TLS unless it is told otherwise.
    assert ops["email_configs"][0].get("require_tls", True) is bool(login)
    policy = (into / "grafana" / "smtp_tls").read_text()
    assert (policy == "MandatoryStartTLS") is bool(login)


def test_several_addresses_are_one_mail_in_both_forms(tmp_path: Path) -> None:
    folder = fill(tmp_path / "r", smtp=SMTP, email="a@example.com, b@example.com")
    into = written(folder, tmp_path / "into", "grafana")
    settings = load(into / "alertmanager" / "alertmanager.yaml")
    [ops] = [one for one in settings["receivers"] if one["name"] == "email-ops"]
    assert ops["email_configs"][0]["to"] == "a@example.com, b@example.com"
    points = load(into / "grafana" / "contact-points.yaml")["contactPoints"]
    [point] = [one for one in points if one["name"] == "email-ops"]
    assert point["receivers"][0]["settings"]["addresses"] == "a@example.com;b@example.com"


@pytest.mark.e2e
@pytest.mark.parametrize("present", [*EVERY, "nothing", "everything"])
def test_alertmanager_accepts_any_receiver_alone_none_and_all(tmp_path: Path, present: str) -> None:
    wanted = {"nothing": set[str](), "everything": set(EVERY)}.get(present, {present, "smtp"})
    files = {name: text for name, text in EVERY.items() if name in wanted}
    into = written(fill(tmp_path / "r", **files), tmp_path / "into")
    answer = subprocess.run(
        [ensure(["amtool"])["amtool"], "check-config", into / "alertmanager/alertmanager.yaml"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_way_to_reach_somebody_has_a_file_for_all_and_for_each_team() -> None:
    assert len(names()) == len(Channel) * (len(Team) + 1)
    everything = Receivers(dict.fromkeys(names(), "x"), MailServer("h", 587, "a@example.com"))
    settings = alertmanager_form.configuration(everything, Path("/r"))
    silent = [one["name"] for one in settings["receivers"] if len(one) == 1]
    assert silent == [alertmanager_form.NOBODY]
