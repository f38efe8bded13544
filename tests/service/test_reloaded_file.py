"""A file is taken in when it has changed, or refused as a whole, and read no more than it takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.file_watch import ReloadedFile
from service.key_file import KeysError
from tests.spoiled_files import SPOILT


def test_two_writes_within_one_tick_of_the_disks_clock_are_both_seen(tmp_path: Path) -> None:
    """No stamp tells them apart: a file that was changed a moment ago is read once more."""
    path, now, said = tmp_path / "file", [0.0], ["one"]
    path.write_text("x")
    now[0] = path.stat().st_ctime
    file = ReloadedFile(
        path, lambda: said[0], fault=KeysError, what="keys", first="", now=lambda: now[0]
    )
    assert (file.reload(), file.current) == ("applied", "one")
    assert file.reload() is None
    said[0] = "two"
    assert (file.reload(), file.current) == ("applied", "two")
    now[0] += 10
    assert file.reload() is None
    said[0] = "three"
    assert (file.reload(), file.current) == (None, "two")


@dataclass
class Unusable:
    """A file whose reading fails until `good` is set, on a clock that a test moves on."""

    path: Path
    good: bool = False
    now: float = 0.0
    reads: list[float] = field(default_factory=list[float])

    def read(self) -> str:
        self.reads.append(self.now)
        if not self.good:
            raise KeysError("Too many open files")
        return "read"

    def reloaded(self) -> ReloadedFile[str]:
        return ReloadedFile(
            self.path,
            self.read,
            fault=KeysError,
            what="keys",
            first="",
            clock=lambda: self.now,
            now=lambda: 0.0,
        )

    def look(self, file: ReloadedFile[str], seconds: int) -> list[str]:
        """Look every second; what came of it."""
        found: list[str] = []
        for _ in range(seconds):
            self.now += 1
            found += [result] if (result := file.reload()) else []
        return found


@pytest.mark.parametrize("kind", ["a directory", "a link to itself", "binary"])
def test_what_kept_a_file_from_being_read_may_pass_though_the_file_is_the_same(
    tmp_path: Path, kind: str
) -> None:
    unusable = Unusable(tmp_path / "file")
    SPOILT[kind](unusable.path)
    file = unusable.reloaded()
    assert unusable.look(file, 3 if kind == "binary" else 100) == ["refused"]
    unusable.good = True
    assert unusable.look(file, 10) == ["applied"]
    assert (file.current, file.fault) == ("read", None)
    assert file.counts == {"applied": 1, "refused": 1}


def test_a_file_that_can_be_read_and_is_wrong_is_not_read_again_and_again(tmp_path: Path) -> None:
    """It can be large, and take long to find wrong."""
    unusable = Unusable(tmp_path / "file")
    unusable.path.write_text("x")
    file = unusable.reloaded()
    assert unusable.look(file, 1_000) == ["refused"]
    assert len(unusable.reads) == 4
    assert file.fault is not None
    unusable.path.write_text("longer")
    assert unusable.look(file, 1_000) == ["refused"]
    assert len(unusable.reads) == 8


def test_a_file_that_never_stops_changing_is_taken_after_all(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def read() -> str:
        text = path.read_text()
        path.write_text(text + "x")
        return text

    path.write_text("x")
    file = ReloadedFile(path, read, fault=KeysError, what="keys", first="")
    assert "applied" in [file.reload() for _ in range(10)]


def test_reading_that_fails_in_a_way_nobody_thought_of_is_a_refusal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("x")

    def read() -> str:
        raise RecursionError

    file = ReloadedFile(tmp_path / "file", read, fault=KeysError, what="keys", first="old")
    assert [file.reload() for _ in range(3)] == ["refused", None, None]
    assert file.current == "old"
    assert isinstance(file.fault, KeysError)
    assert [record.exc_info is not None for record in caplog.records] == [True]
