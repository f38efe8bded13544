"""No secret is written down; what staging and prod need is made by one script."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from tests.compose.rendering import CHECKOUT, ENVIRONMENTS, environment_of, render, services

FILES = [CHECKOUT / "docker-compose.yml", *sorted((CHECKOUT / "compose").glob("*.yaml"))]
SENSITIVE = re.compile(r"password|secret|token|api_?key|credential", re.IGNORECASE)
# Names of files that hold a secret, and switches.
FOLDERS = r"(?:/run/secrets|/etc/grafana/provisioning/alerting)"
HARMLESS = re.compile(rf"^({FOLDERS}/\w+|\$\$__file\{{{FOLDERS}/\w+\}}|true|false|)$")


def make_secrets(folder: Path, *names: str) -> None:
    shell = shutil.which("sh")
    assert shell is not None
    script = CHECKOUT / "compose" / "make-secrets.sh"
    subprocess.run([shell, script, folder, *names], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_variable_holds_a_secret(environment: str) -> None:
    for name, service in services(environment).items():
        for variable, value in environment_of(service).items():
            if SENSITIVE.search(variable):
                assert HARMLESS.match(value), f"{name}: {variable}"


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_grafana_has_a_password_outside_dev(environment: str) -> None:
    grafana = services(environment)["grafana"]
    held = {secret["target"] for secret in grafana["secrets"]}
    variables = environment_of(grafana)
    # Compose escapes the `$` again in what it prints.
    assert variables["GF_SECURITY_ADMIN_PASSWORD"] == "$$__file{/run/secrets/grafana_password}"
    assert "/run/secrets/grafana_password" in held
    assert "GF_AUTH_ANONYMOUS_ENABLED" not in variables


def test_nobody_can_log_in_to_grafana_in_dev() -> None:
    variables = environment_of(services("dev")["grafana"])
    assert variables["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert variables["GF_AUTH_BASIC_ENABLED"] == "false"
    assert variables["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert variables["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


def test_dev_needs_no_secret() -> None:
    assert [name for name, service in services("dev").items() if service.get("secrets")] == []


def test_the_script_makes_every_secret_the_project_reads(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    project = render("prod", {"GAUGEWAY_SECRETS_DIR": str(folder)})
    read = {Path(secret["file"]) for secret in project["secrets"].values()}
    assert read == set(folder.iterdir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    # Containers run as users of their own and see the file alone, not its folder.
    assert {stat.S_IMODE(path.stat().st_mode) for path in read} == {0o444}


def test_the_certificate_is_the_collectors_and_its_authority_signed_it(tmp_path: Path) -> None:
    make_secrets(tmp_path / "secrets", "otlp.example", "10.0.0.5")
    folder = tmp_path / "secrets"
    authority = x509.load_pem_x509_certificate((folder / "otlp_ca.pem").read_bytes())
    certificate = x509.load_pem_x509_certificate((folder / "otlp_certificate.pem").read_bytes())
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["collector", "localhost", "otlp.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == [
        "127.0.0.1",
        "10.0.0.5",
    ]


def test_running_the_script_again_keeps_what_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "scrape_token").unlink()
    make_secrets(folder)
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after.pop("scrape_token") != before.pop("scrape_token")
    assert after == before


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_carries_a_key(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"sk-[A-Za-z0-9]|gw_[0-9a-f]{12}_|BEGIN [A-Z ]*PRIVATE KEY", text)
