"""A history is written once for each description, whole or not at all."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench.dashboards.stored import Store

# Called as the real one: -description FILE -out DIRECTORY.
WRITER = """#!/bin/sh
echo written >> {runs}
mkdir "$4/block" && cp "$2" "$4/block/meta.json"
{then}
"""


def store(directory: Path, *, then: str = "echo '{}'") -> Store:
    program = directory / "writer"
    program.write_text(WRITER.replace("{runs}", str(directory / "runs")).replace("{then}", then))
    program.chmod(0o755)
    return Store(directory / "histories", program)


def runs(directory: Path) -> int:
    return len((directory / "runs").read_text().splitlines())


def kept(stored: Store) -> set[str]:
    return {path.name for path in stored.home.iterdir() if path.is_dir()}


def test_what_is_described_is_written_once(tmp_path: Path) -> None:
    stored = store(tmp_path)
    for _ in range(2):
        with stored.opened({"days": 1}) as data:
            assert (data / "block" / "meta.json").read_text() == '{"days": 1}'
    assert runs(tmp_path) == 1


def test_what_a_prometheus_does_to_its_directory_is_not_kept(tmp_path: Path) -> None:
    stored = store(tmp_path)
    with stored.opened({"days": 1}) as data:
        (data / "wal").mkdir()
        (data / "block" / "meta.json").unlink()
    with stored.opened({"days": 1}) as data:
        assert not (data / "wal").exists()
        assert (data / "block" / "meta.json").exists()
    assert len(kept(stored)) == 1


def test_another_description_replaces_what_was_kept(tmp_path: Path) -> None:
    stored = store(tmp_path)
    for days in (1, 2):
        with stored.opened({"days": days}) as data:
            assert (data / "block" / "meta.json").read_text() == f'{{"days": {days}}}'
    assert runs(tmp_path) == 2
    assert len(kept(stored)) == 1


def test_what_was_half_written_is_written_again(tmp_path: Path) -> None:
    with (
        pytest.raises(subprocess.CalledProcessError),
        store(tmp_path, then="kill -9 $$").opened({"days": 1}),
    ):
        raise AssertionError("there is nothing to open")
    stored = store(tmp_path)
    [half] = kept(stored)
    assert half.endswith(".partial")
    (stored.home / "data.left-behind").mkdir()
    with stored.opened({"days": 1}) as data:
        assert (data / "block" / "meta.json").exists()
    assert runs(tmp_path) == 2
    assert len(kept(stored)) == 1
