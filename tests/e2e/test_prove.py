"""`gaugeway prove` starts a stack of its own and proves every panel and link of it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from bench.serving import BIN, ROOT
from cli.proving.alerts import prove_alerts
from cli.proving.allowed_empty import MOST
from cli.proving.finding import Proof
from cli.proving.stages import STAGES
from stack.settings import load

pytestmark = pytest.mark.proof


@pytest.mark.timeout(420)
def test_every_panel_and_every_link_is_proven() -> None:
    finished = subprocess.run(
        [BIN / "gaugeway", "prove", "--json", "--without-alerts"],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    document: dict[str, Any] = json.loads(finished.stdout or "{}")
    findings = document.get("findings", [])
    failed = [one for one in findings if one["outcome"] not in {"proven", "excused"}]
    assert not failed, failed
    assert finished.returncode == 0, finished.stderr[-4000:]
    assert document["good"]
    excused = {one["name"] for one in findings if one["outcome"] == "excused"}
    assert len(excused) <= MOST
    kinds = [one["kind"] for one in findings if one["outcome"] == "proven"]
    assert kinds.count("panel") > 250
    assert kinds.count("link") > 30


async def test_a_stopped_service_is_told_of_and_what_no_fault_caused_is_not_proven() -> None:
    with tempfile.TemporaryDirectory(prefix="gw-prove-") as folder:
        stages = [stage for stage in STAGES if "ServiceDown" in stage.causes]
        findings = await prove_alerts(load(), Path(folder), lambda _: None, stages)
    assert {one.name for one in findings if one.outcome == "proven"} == {"ServiceDown"}
    assert {one.outcome for one in findings if one.name != "ServiceDown"} == {"not proven"}
    assert not Proof(findings, 1.0).good
