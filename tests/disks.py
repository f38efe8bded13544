"""Small real disks for tests: a tmpfs of a few kilobytes that can be filled, freed and locked."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


class Disk:
    """A mounted file system of its own; `path` is its root."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / ".ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Take all room but so many bytes, rounded down to pages."""
        with self._ballast.open("ab", buffering=0) as file:
            while (room := self._room() - leave) > 0:
                # Somebody else may have written since: then there is less.
                with suppress(OSError):
                    os.posix_fallocate(file.fileno(), file.tell(), room)
                    file.seek(0, os.SEEK_END)

    def _room(self) -> int:
        facts = os.statvfs(self.path)
        return facts.f_bavail * facts.f_frsize

    def free(self) -> None:
        """Give back what `fill` took."""
        self._ballast.unlink(missing_ok=True)

    def lock(self) -> None:
        """Take no writes any more, as a disk does that its kernel found faulty."""
        _run("mount", "-o", "remount,ro", str(self.path))

    def unlock(self) -> None:
        """Take writes again."""
        _run("mount", "-o", "remount,rw", str(self.path))


@contextmanager
def small_disk(path: Path, kilobytes: int = 256) -> Generator[Disk]:
    """A disk of so many kilobytes, mounted at a folder until the block ends."""
    path.mkdir(parents=True, exist_ok=True)
    options = f"size={kilobytes}k,mode=700,uid={os.getuid()},gid={os.getgid()}"
    _run("mount", "-t", "tmpfs", "-o", options, "gaugeway-test", str(path))
    try:
        yield Disk(path)
    finally:
        # What a killed service still holds open must keep neither the mount nor the test.
        _run("umount", "--lazy", str(path))


def _run(*command: str) -> None:
    prefix = () if os.getuid() == 0 else ("sudo", "-n")
    try:
        ended = subprocess.run([*prefix, *command], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.fail(f"{error.filename} is missing: a test that fills a disk needs to mount one.")
    if ended.returncode:
        pytest.fail(
            f"`{' '.join(command)}` failed: {ended.stderr.strip()} A test that fills a disk needs "
            "to mount one: run it as root, or allow sudo without a password."
        )
