"""A start that cannot be ends with one line that names the setting, however it is started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.service.starting import WAYS, started

SECRET = "Tr0ub4dor"

Prepare = Callable[[Path], Mapping[str, str]]


def redis_with_a_slash(_: Path) -> Mapping[str, str]:
    return {"REDIS_URL": f"redis://:{SECRET}/3xyz@127.0.0.1:6379/0"}


def no_certificate(folder: Path) -> Mapping[str, str]:
    file = folder / f"{SECRET}.pem"
    file.write_text("no certificate")
    return {"REDIS_URL": f"rediss://:hunter2@127.0.0.1:6379/0?ssl_ca_certs={file}"}


def wrong_environment(_: Path) -> Mapping[str, str]:
    return {"GAUGEWAY_ENV": SECRET}


def wrong_receiver(_: Path) -> Mapping[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{SECRET}"}


def no_token_file(folder: Path) -> Mapping[str, str]:
    return {"GAUGEWAY_SCRAPE_TOKEN_FILE": str(folder / SECRET)}


def empty_token_file(folder: Path) -> Mapping[str, str]:
    file = folder / SECRET
    file.write_text("\n")
    return {"GAUGEWAY_SCRAPE_TOKEN_FILE": str(file)}


def no_key_for_users(folder: Path) -> Mapping[str, str]:
    return {"GAUGEWAY_USER_HASH_KEY_FILE": str(folder / SECRET)}


def short_key_for_users(folder: Path) -> Mapping[str, str]:
    file = folder / SECRET
    file.write_text("short")
    return {"GAUGEWAY_USER_HASH_KEY_FILE": str(file)}


def home_is_a_file(folder: Path) -> Mapping[str, str]:
    file = folder / "file"
    file.write_text("x")
    return {"GAUGEWAY_HOME": str(file / "home")}


def home_cannot_be_made(_: Path) -> Mapping[str, str]:
    return {"GAUGEWAY_HOME": "/proc/nowhere"}


def run_folder_is_a_file(folder: Path) -> Mapping[str, str]:
    home = folder / "home"
    home.mkdir()
    (home / "run").write_text("x")
    return {"GAUGEWAY_HOME": str(home)}


def damaged_keys(folder: Path) -> Mapping[str, str]:
    home = folder / "home"
    home.mkdir()
    (home / "keys.json").write_text(f"{{{SECRET}")
    return {"GAUGEWAY_HOME": str(home)}


def file_of(variable: str) -> Prepare:
    def prepare(folder: Path) -> Mapping[str, str]:
        file = folder / "file.yaml"
        file.write_text(f"unknown: {SECRET}\nanother: {SECRET}\n")
        return {variable: str(file)}

    return prepare


def no_file_of(variable: str) -> Prepare:
    return lambda folder: {variable: str(folder / "none.yaml")}


FAILURES: Mapping[str, tuple[str, Prepare]] = {
    "Redis": ("REDIS_URL", redis_with_a_slash),
    "Redis's certificate": ("REDIS_URL", no_certificate),
    "environment": ("GAUGEWAY_ENV", wrong_environment),
    "receiver": ("OTEL_EXPORTER_OTLP_ENDPOINT", wrong_receiver),
    "no token": ("GAUGEWAY_SCRAPE_TOKEN_FILE", no_token_file),
    "empty token": ("GAUGEWAY_SCRAPE_TOKEN_FILE", empty_token_file),
    "no key for users": ("GAUGEWAY_USER_HASH_KEY_FILE", no_key_for_users),
    "short key for users": ("GAUGEWAY_USER_HASH_KEY_FILE", short_key_for_users),
    "home": ("GAUGEWAY_HOME", home_is_a_file),
    "home on no disk": ("GAUGEWAY_HOME", home_cannot_be_made),
    "folder of the embedded Redis": ("GAUGEWAY_HOME", run_folder_is_a_file),
    "keys": ("GAUGEWAY_HOME", damaged_keys),
    "targets": ("GAUGEWAY_TARGETS", file_of("GAUGEWAY_TARGETS")),
    "budgets": ("GAUGEWAY_BUDGETS", file_of("GAUGEWAY_BUDGETS")),
    "prices": ("GAUGEWAY_PRICES", file_of("GAUGEWAY_PRICES")),
    "no targets": ("GAUGEWAY_TARGETS", no_file_of("GAUGEWAY_TARGETS")),
    "no budgets": ("GAUGEWAY_BUDGETS", no_file_of("GAUGEWAY_BUDGETS")),
    "no prices": ("GAUGEWAY_PRICES", no_file_of("GAUGEWAY_PRICES")),
}
# One that is found before the server starts, and one that is found when it has.
EARLY, LATE = "Redis", "budgets"


@pytest.mark.parametrize("name", FAILURES)
def test_a_start_that_fails_ends_with_one_line_that_names_the_setting(
    tmp_path: Path, name: str
) -> None:
    variable, prepare = FAILURES[name]
    ended = started(tmp_path / "home", **prepare(tmp_path))
    assert ended.status != 0, ended.output
    assert "Traceback" not in ended.output
    assert SECRET not in ended.output
    (line,) = ended.lines
    assert variable in line


@pytest.mark.parametrize("name", [EARLY, LATE])
@pytest.mark.parametrize("way", [way for way in WAYS if way != "plain"])
def test_however_it_is_started_it_ends_so(tmp_path: Path, way: str, name: str) -> None:
    variable, prepare = FAILURES[name]
    ended = started(tmp_path / "home", way, **prepare(tmp_path))
    assert "Traceback" not in ended.output
    assert SECRET not in ended.output
    assert ended.lines
    assert all(variable in line for line in ended.lines)
