"""Writes the rules that are loaded: `python -m grafana.alerts.build`, `--check` compares."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from grafana.alerts import complete, recorded
from grafana.alerts.alert import Language
from grafana.alerts.declared import GROUPS
from grafana.alerts.rule_files import COMMAND, alert_file, recording_file
from grafana.slos import rules as slos

_REPOSITORY: Final = Path(__file__).parents[2]
PROMETHEUS_ALERTS: Final = Path("backends/alerts/prometheus/gaugeway.yaml")
LOKI_ALERTS: Final = Path("backends/alerts/loki/gaugeway.yaml")
RECORDING_RULES: Final = Path("backends/rules/recording.yaml")
SLO_RULES: Final = Path("backends/rules/slos.yaml")
ALERTMANAGER: Final = Path("backends/alertmanager.yaml")
GRAFANA_ALERTING: Final = Path("grafana/provisioning/alerting")


def rendered() -> Mapping[Path, str]:
    """The text of every file this builds, by its path from the top of the repository."""
    return {
        PROMETHEUS_ALERTS: alert_file(GROUPS, Language.PROMQL),
        LOKI_ALERTS: alert_file(GROUPS, Language.LOGQL),
        RECORDING_RULES: recording_file(recorded.GROUPS),
        SLO_RULES: recording_file(slos.GROUPS),
        ALERTMANAGER: complete.alertmanager(),
        **{GRAFANA_ALERTING / name: text for name, text in complete.grafana().items()},
    }


def stale(repository: Path = _REPOSITORY) -> list[Path]:
    """Files that are missing or differ from what the code says."""
    return [path for path, text in rendered().items() if not _holds(repository / path, text)]


def write(repository: Path = _REPOSITORY) -> None:
    """Brings the files to what the code says."""
    for path, text in rendered().items():
        place = repository / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None, repository: Path = _REPOSITORY) -> int:
    """The command; its exit status is 1 when `--check` finds a stale file."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    if not parser.parse_args(arguments).check:
        write(repository)
        return 0
    found = stale(repository)
    for path in found:
        sys.stderr.write(f"{path} is stale: run {COMMAND}\n")
    return 1 if found else 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
