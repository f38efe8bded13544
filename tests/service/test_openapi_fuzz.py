"""One bounded fuzz run of the API from its own description, and what the description says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.service.running import RunningService

EXAMPLES = 60


def test_the_api_does_what_its_description_says_and_never_answers_5xx(
    shared: RunningService, tmp_path: Path
) -> None:
    """All of schemathesis's checks but the two that take us for stricter or laxer than HTTP is:

    it takes a header nobody declared for invalid data, and any listed model for one that embeds.
    A 504 is what a deadline of 1 ms asks for.
    """
    (tmp_path / "schemathesis.toml").write_text(
        '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 504]\n'
    )
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{shared.url}/openapi.json",
            "--exclude-path-regex",
            "^(/admin/.*|/api/metrics)$",  # they have a run of their own
            "--header",
            f"Authorization: Bearer {shared.key}",
            "--max-examples",
            str(EXAMPLES),
            "--exclude-checks",
            "negative_data_rejection,positive_data_acceptance",
            "--seed",
            "20",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert "Operations:       8 selected" in run.stdout


def test_every_model_operation_needs_a_key_and_tells_its_errors(shared: RunningService) -> None:
    document = shared.request("GET", "/openapi.json", key=None).json
    for path in ("/v1/chat/completions", "/v1/embeddings"):
        operation = document["paths"][path]["post"]
        assert operation["security"] == [{"apiKey": []}]
        assert {"400", "401", "404", "413", "415", "429", "500", "502", "503", "504"} <= set(
            operation["responses"]
        )
        assert "422" not in operation["responses"]
        assert "x-gaugeway-cost-usd" in operation["responses"]["200"]["headers"]
    assert document["paths"]["/healthz"]["get"].get("security") is None
