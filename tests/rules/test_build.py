"""The rules that are loaded are what the declarations say, and the command tells when not."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana.alerts import build


def test_the_committed_rules_are_fresh() -> None:
    assert build.stale() == []


def test_check_fails_on_a_missing_file_and_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build.main(["--check"], tmp_path) == 1
    assert "backends/alerts/prometheus/gaugeway.yaml is stale" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_check_fails_on_an_edited_file_until_it_is_built_anew(tmp_path: Path) -> None:
    build.write(tmp_path)
    assert build.main(["--check"], tmp_path) == 0
    edited = tmp_path / build.PROMETHEUS_ALERTS
    edited.write_text(edited.read_text().replace("HighLatency", "SomeLatency"))
    assert build.main(["--check"], tmp_path) == 1
    assert build.main([], tmp_path) == 0
    assert build.main(["--check"], tmp_path) == 0


def test_building_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    build.write(tmp_path)
    first = {path: (tmp_path / path).read_bytes() for path in build.rendered()}
    build.write(tmp_path)
    assert {path: (tmp_path / path).read_bytes() for path in build.rendered()} == first
