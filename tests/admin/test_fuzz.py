"""Bounded fuzz runs of the operators' addresses: as operator, as app, by a dead key, as nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from service.key_changes import revoke_key
from service.keys import add_key
from tests.admin.operator import OperatedService

EXAMPLES = 25
OPERATORS = r"^(/admin/.*|/api/metrics)$"


def fuzz(service: OperatedService, folder: Path, key: str | None, *more: str) -> str:
    """Run schemathesis on the operators' addresses; what it printed. Fails on any fault."""
    held = () if key is None else ("--header", f"Authorization: Bearer {key}")
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{service.running.url}/openapi.json",
            "--include-path-regex",
            OPERATORS,
            *held,
            "--max-examples",
            str(EXAMPLES),
            *more,
            "--seed",
            "20",
            "--no-color",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    return run.stdout


def test_operators_are_answered_as_described_and_never_with_5xx(
    shared: OperatedService, tmp_path: Path
) -> None:
    printed = fuzz(
        shared,
        tmp_path,
        shared.admin,
        "--exclude-checks",
        # A header nobody declared is taken for invalid data, and every key for one that logs in.
        "negative_data_rejection,positive_data_acceptance",
    )
    assert "Operations:" in printed
    assert " 0 selected" not in printed


@pytest.mark.parametrize("who", ["app", "revoked", "nobody"])
def test_strangers_get_no_data_whatever_they_send(
    shared: OperatedService, tmp_path: Path, who: str
) -> None:
    revoked = add_key(shared.home, "leaver", "admin")
    revoke_key(shared.home, revoked.split("_")[1])
    key = {"app": shared.app, "revoked": revoked, "nobody": None}[who]
    (tmp_path / "schemathesis.toml").write_text(
        "[checks.positive_data_acceptance]\nexpected-statuses = [303, 401, 403, 429]\n"
    )
    printed = fuzz(
        shared,
        tmp_path,
        key,
        "--exclude-path-regex",
        "^/admin/login$",
        "--checks",
        "not_a_server_error,positive_data_acceptance,response_schema_conformance",
    )
    assert " 0 selected" not in printed
