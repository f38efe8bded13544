"""Writes the JSON that Grafana loads: `python -m grafana.dashboards.build`, `--check` compares."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.dashboards import host, latency, overview, pipeline, provider_health, slos, spending

FOLDER: Final = Path(__file__).parent / "json"


def dashboards() -> Mapping[str, Dashboard]:
    """Every dashboard by its uid, which is also its file's name."""
    return {
        overview.UID: overview.genai_overview(),
        latency.UID: latency.latency_and_streaming(),
        spending.UID: spending.cost_and_budgets(),
        provider_health.UID: provider_health.provider_health(),
        pipeline.UID: pipeline.telemetry_pipeline(),
        slos.UID: slos.slos(),
        host.UID: host.host_and_runtime(),
    }


def rendered() -> Mapping[Path, str]:
    """The text of every file this builds."""
    return {FOLDER / f"{uid}.json": _encoded(dashboard) for uid, dashboard in dashboards().items()}


def stale() -> list[Path]:
    """Files that are missing, differ from what the code says, or belong to no dashboard."""
    wanted = rendered()
    different = [path for path, text in wanted.items() if not _holds(path, text)]
    return different + [path for path in FOLDER.glob("*.json") if path not in wanted]


def write() -> None:
    """Brings the folder to what the code says."""
    FOLDER.mkdir(exist_ok=True)
    for path in stale():
        path.unlink(missing_ok=True)
    for path, text in rendered().items():
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit status is 1 when `--check` finds a stale file."""
    parser = argparse.ArgumentParser(prog="python -m grafana.dashboards.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    if not parser.parse_args(arguments).check:
        write()
        return 0
    found = stale()
    for path in found:
        sys.stderr.write(f"{path} is stale: run python -m grafana.dashboards.build\n")
    return 1 if found else 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def _encoded(dashboard: Dashboard) -> str:
    return json.dumps(dashboard.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.exit(main())
