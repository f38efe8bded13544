"""`gaugeway prove` starts a stack of its own and proves every panel and link of it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from bench.serving import BIN, ROOT
from cli.proving.allowed_empty import MOST


@pytest.mark.slow
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
