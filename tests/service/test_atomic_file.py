"""Files are written whole or not at all, on real disks that are full."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from service.atomic_file import create_atomically, replacing, write_atomically
from tests.disks import Disk, small_disk

LARGE = "x" * 100_000


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Disk]:
    with small_disk(tmp_path / "disk", 64) as mounted:
        yield mounted


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".ballast"}


def test_a_file_is_replaced_as_a_whole_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("old and longer")
    path.chmod(0o644)
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == {"keys.json"}


def test_a_mode_holds_whatever_the_umask_is(tmp_path: Path) -> None:
    path = tmp_path / "certificate"
    before = os.umask(0o077)
    try:
        write_atomically(path, b"\x00\xff", 0o644)
    finally:
        os.umask(before)
    assert path.read_bytes() == b"\x00\xff"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("leave", [0, 4096, 16384])
def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(disk: Disk, leave: int) -> None:
    path = disk.path / "keys.json"
    write_atomically(path, "old")
    disk.fill(leave=leave)
    with pytest.raises(OSError) as caught:
        write_atomically(path, LARGE)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_text() == "old"
    assert names(disk.path) == {"keys.json"}
    disk.free()
    write_atomically(path, "new")
    assert path.read_text() == "new"


def test_a_full_disk_makes_no_new_file(disk: Disk) -> None:
    disk.fill()
    with pytest.raises(OSError):
        create_atomically(disk.path / "user-hash-key", LARGE)
    assert names(disk.path) == set()


def test_a_disk_that_is_read_only_leaves_the_old_file(disk: Disk) -> None:
    path = disk.path / "keys.json"
    write_atomically(path, "old")
    disk.lock()
    with pytest.raises(OSError) as caught:
        write_atomically(path, "new")
    disk.unlock()
    assert caught.value.errno == errno.EROFS
    assert path.read_text() == "old"


def test_what_ends_with_an_error_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path, None) as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert path.read_text() == "old"
    assert names(tmp_path) == {"usage.csv"}


def test_of_many_who_make_a_file_one_makes_it(tmp_path: Path) -> None:
    path, made = tmp_path / "user-hash-key", list[str]()

    def make(text: str) -> None:
        if create_atomically(path, text):
            made.append(text)

    threads = [threading.Thread(target=make, args=(f"{n}" * 64,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [path.read_text()]
    assert names(tmp_path) == {"user-hash-key"}


def test_what_a_killed_process_left_is_removed_by_a_later_write(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    script = (
        "import os, pathlib, sys\n"
        "from service.atomic_file import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as file:\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    (tmp_path / ".keys.json.editor").touch()
    old, young = sorted(path for path in tmp_path.iterdir() if path.suffix == ".partial")
    day_ago = time.time() - 86_400
    os.utime(old, (day_ago, day_ago))
    write_atomically(path, "new")
    assert names(tmp_path) == {"keys.json", ".keys.json.editor", young.name}
