"""A file is read whole and within a bound, and nothing in its place is waited for."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from service.file_reading import FileUnreadableError, read_file
from tests.spoiled_files import SPOILT


def test_what_is_in_a_file_is_read_whole_up_to_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 10_000)
    assert read_file(path) == path.read_bytes()
    assert read_file(path, 2_560_000) == path.read_bytes()
    with pytest.raises(FileUnreadableError, match="longer than 2,559,999 bytes"):
        read_file(path, 2_559_999)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("a directory", "a directory"),
        ("a pipe that nobody writes to", "a pipe or a device"),
        ("a device", "a pipe or a device"),
        ("a link to itself", "cannot be read"),
        ("larger than any memory", "longer than"),
        ("gone", "cannot be read: No such file"),
        ("a link to nowhere", "cannot be read: No such file"),
    ],
)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, place: str, said: str) -> None:
    path = tmp_path / "file"
    SPOILT[place](path)
    with pytest.raises(FileUnreadableError, match=said) as caught:
        read_file(path)
    assert caught.value.missing is ("No such file" in said)


def test_a_socket_and_a_name_that_no_file_has_are_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        with pytest.raises(FileUnreadableError, match="cannot be read"):
            read_file(tmp_path / "socket")
    with pytest.raises(FileUnreadableError, match="no file can have"):
        read_file(tmp_path / "a\0b")


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = descriptors()
    for spoil in SPOILT.values():
        path = tmp_path / "file"
        spoil(path)
        try:
            read_file(path)
        except FileUnreadableError:
            continue
    assert descriptors() == before
