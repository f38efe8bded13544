"""The JSON that Grafana loads is what the Python says, and the command tells when it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana.dashboards import build


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for the built files."""
    monkeypatch.setattr(build, "FOLDER", tmp_path / "json")
    return tmp_path / "json"


def test_the_committed_dashboards_are_fresh() -> None:
    assert build.stale() == []


def test_a_dashboard_is_named_after_its_uid() -> None:
    for uid, dashboard in build.dashboards().items():
        assert dashboard.build().uid == uid


def test_building_twice_writes_the_same_bytes(folder: Path) -> None:
    build.write()
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    build.write()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_check_fails_on_a_missing_file_and_names_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build.main(["--check"]) == 1
    assert "genai-overview.json is stale" in capsys.readouterr().err
    assert not folder.exists()


def test_check_fails_on_an_edited_file_until_it_is_built_anew(folder: Path) -> None:
    build.write()
    assert build.main(["--check"]) == 0
    edited = folder / "genai-overview.json"
    edited.write_text(edited.read_text().replace("GenAI overview", "GenAI survey"))
    assert build.main(["--check"]) == 1
    assert build.main([]) == 0
    assert build.main(["--check"]) == 0


def test_a_file_that_no_dashboard_owns_is_stale_and_removed(folder: Path) -> None:
    build.write()
    left_over = folder / "renamed.json"
    left_over.write_text("{}")
    assert build.stale() == [left_over]
    build.write()
    assert not left_over.exists()
