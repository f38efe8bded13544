"""Every pair of files is one that the real Collector accepts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from stack.binaries import ensure
from tests.collector.configurations import COLLECTOR, ENVIRONMENTS

# Building the Collector, where the cache is empty, takes minutes.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def validate(*names: str, **environment: str) -> subprocess.CompletedProcess[str]:
    binary = ensure(["collector"])["collector"]
    configs = [f"--config={COLLECTOR / name}.yaml" for name in names]
    return subprocess.run(
        [binary, "validate", *configs],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    token = tmp_path / "token"
    token.write_text("a-token")
    return {
        "GAUGEWAY_COLLECTOR_TLS_CERT": str(tmp_path / "certificate.pem"),
        "GAUGEWAY_COLLECTOR_TLS_KEY": str(tmp_path / "key.pem"),
        "GAUGEWAY_COLLECTOR_TOKEN_FILE": str(token),
    }


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_base_and_environment_validate(name: str, secrets: dict[str, str]) -> None:
    answer = validate("base", name, **secrets)
    assert answer.returncode == 0, answer.stderr


def test_dev_needs_no_variable() -> None:
    answer = validate("base", "dev")
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_outside_dev_a_missing_certificate_or_token_is_refused(name: str) -> None:
    answer = validate("base", name)
    assert answer.returncode != 0
    assert "certificate" in answer.stderr
    assert "no bearer token provided" in answer.stderr


def test_base_alone_goes_nowhere_and_is_refused() -> None:
    assert validate("base").returncode != 0
