"""Settings come from the environment, or the service refuses to start and names the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.app import create_app
from service.settings import Settings, SettingsError, load_settings
from tests.docs.test_settings import variable


def test_without_any_variable_it_is_a_developers_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GAUGEWAY_ENV", "GAUGEWAY_HOME", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = load_settings()
    assert settings.env == "dev"
    assert settings.development
    assert settings.home == Path.home() / ".gaugeway"
    assert settings.redis_url is None
    assert settings.cache_ttl_seconds == 0


def test_variables_are_taken_and_empty_ones_are_as_good_as_unset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GAUGEWAY_COMPONENTS", "search, summary,,")
    monkeypatch.setenv("GAUGEWAY_MAX_BODY_BYTES", "2048")
    monkeypatch.setenv("REDIS_URL", "")
    settings = load_settings()
    assert settings.components == ("search", "summary")
    assert settings.max_body_bytes == 2048
    assert settings.redis_url is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GAUGEWAY_ENV", "hunter2"),
        ("GAUGEWAY_MAX_BODY_BYTES", "hunter2"),
        ("GAUGEWAY_MAX_BODY_BYTES", "1"),
        ("GAUGEWAY_DEADLINE_SECONDS", "nan"),
        ("GAUGEWAY_DEADLINE_SECONDS", "-1"),
        ("GAUGEWAY_SIMULATE_CONTROL", "hunter2"),
        ("GAUGEWAY_SCRAPE_TOKEN_FILE", "/nonexistent/hunter2"),
        ("GAUGEWAY_GRAFANA_URL", "http://[hunter2"),
        ("GAUGEWAY_GRAFANA_URL", "hunter2.example.com"),
        ("GAUGEWAY_TEMPO_URL", "http://hunter2:port"),
        ("GAUGEWAY_PROMETHEUS_URL", "ftp://hunter2"),
        ("GAUGEWAY_LOKI_URL", "http://:3100/hunter2"),
        ("GAUGEWAY_TIME_ZONE", "hunter2"),
        ("GAUGEWAY_LEDGER_HOURS", "hunter2"),
        ("REDIS_URL", "redis://:hunter2/x@localhost"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:hunter2"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[hunter2"),
    ],
)
def test_a_bad_value_stops_the_start_and_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "variable", [variable(name, field) for name, field in Settings.model_fields.items()]
)
def test_whatever_is_wrong_in_a_variable_it_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for value in ("hunter2", "-1", "1e999", "http://[hunter2", "redis://:hunter2/@", "\udcff"):
        monkeypatch.setenv(variable, value)
        try:
            load_settings()
        except SettingsError as error:
            said = str(error)
            assert f"{variable}" in said
            assert "hunter2" not in said


def test_secrets_are_not_shown_by_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@localhost:6379/0")
    monkeypatch.setenv("GAUGEWAY_SCRAPE_TOKEN", "hunter3")
    shown = repr(load_settings()) + str(load_settings()) + load_settings().model_dump_json()
    assert "hunter" not in shown


def test_the_scrape_token_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    monkeypatch.setenv("GAUGEWAY_SCRAPE_TOKEN_FILE", str(file))
    token = load_settings().scrape_token
    assert token is not None
    assert token.get_secret_value() == "s3cret"
    file.write_text("\n")
    with pytest.raises(SettingsError, match="empty"):
        load_settings()


def test_the_app_is_made_from_the_environment_and_refuses_a_missing_targets_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GAUGEWAY_HOME", str(tmp_path / "home"))
    assert create_app().title == "Gaugeway"
    assert not (tmp_path / "home").exists(), "nothing happens before the start"
    monkeypatch.setenv("GAUGEWAY_TARGETS", str(tmp_path / "none.yaml"))
    with pytest.raises(SystemExit):
        create_app()
    (line,) = caplog.messages
    assert "GAUGEWAY_TARGETS" in line
    assert "none.yaml" in line
