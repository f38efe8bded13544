"""`gaugeway keys` where the disk takes no more: one line, nothing changed, nothing left behind."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.key_file import KeysError, locked, read_records
from service.keys import KeyStore, add_key
from stack.home import Home
from tests.cli.conftest import Gaugeway, Ran
from tests.disks import Disk, small_disk
from tests.spoiled_files import SPOILT

NOBODY = 65_534


@pytest.fixture
def disk(home: Home) -> Generator[Disk]:
    with small_disk(home.path, 64) as mounted:
        yield mounted


def files(folder: Path) -> dict[str, bytes]:
    """What is in a folder, but the ballast of a full disk."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".ballast"}


def commands(identity: str) -> list[tuple[str, ...]]:
    return [
        ("create", "checkout"),
        ("create", "checkout", "--json"),
        ("revoke", identity),
        ("rotate", identity),
        ("rotate", identity, "--grace", "1h", "--json"),
    ]


def is_one_line(ran: Ran) -> bool:
    return ran.code == 1 and ran.out == "" and ran.err.count("\n") == 1


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("leave", [0, 4096, 8192])
def test_a_full_disk_is_one_line_and_the_keys_are_as_they_were(
    gaugeway: Gaugeway, disk: Disk, number: int, leave: int
) -> None:
    keys = [add_key(disk.path, f"app-{app}", "app") for app in range(80)]
    identity = keys[-1].split("_")[1]
    before = files(disk.path)
    disk.fill(leave=leave)
    ran = gaugeway("keys", *commands(identity)[number])
    assert is_one_line(ran), ran
    assert "No space left on device" in ran.err
    assert "Free space" in ran.err
    assert files(disk.path) == before
    listed = gaugeway("keys", "list")
    assert (listed.code, listed.err) == (0, "")
    disk.free()
    assert gaugeway("keys", *commands(identity)[number]).code == 0


def test_the_first_key_on_a_full_disk_leaves_nothing_but_the_lock(
    gaugeway: Gaugeway, disk: Disk
) -> None:
    disk.fill()
    ran = gaugeway("keys", "create", "checkout")
    assert is_one_line(ran), ran
    assert set(files(disk.path)) <= {"keys.lock", "keys-audit.log"}
    assert not any(files(disk.path).values())


@pytest.mark.parametrize("number", range(5))
def test_a_home_that_is_read_only_is_one_line(gaugeway: Gaugeway, disk: Disk, number: int) -> None:
    key = add_key(disk.path, "checkout", "app")
    before = files(disk.path)
    disk.lock()
    ran = gaugeway("keys", *commands(key.split("_")[1])[number])
    listed = gaugeway("keys", "list")
    disk.unlock()
    assert is_one_line(ran), ran
    assert "Read-only file system" in ran.err
    assert files(disk.path) == before
    assert "checkout" in listed.out


@contextmanager
def without_rights(home: Path) -> Generator[None]:
    """As somebody who may not write there."""
    if os.getuid() != 0:
        home.chmod(0o500)
        yield
        home.chmod(0o700)
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("number", range(5))
def test_missing_rights_are_one_line(gaugeway: Gaugeway, home: Home, number: int) -> None:
    key = add_key(home.path, "checkout", "app")
    before = files(home.path)
    with without_rights(home.path):
        ran = gaugeway("keys", *commands(key.split("_")[1])[number])
    assert is_one_line(ran), ran
    assert "Permission denied" in ran.err or "not permitted" in ran.err
    assert files(home.path) == before


def test_a_folder_that_others_can_look_into_but_not_change_is_named(home: Home) -> None:
    add_key(home.path, "checkout", "app")
    home.path.chmod(0o555)
    with without_rights(home.path), pytest.raises(KeysError, match=r"keys\.lock.*denied"):
        add_key(home.path, "other", "app")


@pytest.mark.parametrize("kind", [kind for kind in SPOILT if kind != "gone"])
@pytest.mark.parametrize("number", range(5))
def test_a_spoilt_key_file_is_one_line_and_stays_for_who_mends_it(
    gaugeway: Gaugeway, home: Home, number: int, kind: str
) -> None:
    identity = add_key(home.path, "checkout", "app").split("_")[1]
    path, audit = home.path / "keys.json", (home.path / "keys-audit.log").read_bytes()
    SPOILT[kind](path)
    before = path.lstat()
    if kind == "a link to nowhere" and number < 2:
        # As where there is no file: the first key makes one.
        assert gaugeway("keys", *commands(identity)[number]).code == 0
        return
    ran = gaugeway("keys", *commands(identity)[number])
    assert is_one_line(ran), ran
    after = path.lstat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert (home.path / "keys-audit.log").read_bytes() == audit


@pytest.mark.parametrize("kind", ["a directory", "a pipe that nobody writes to"])
@pytest.mark.parametrize("file", ["keys-audit.log", "keys.lock"])
def test_no_key_is_changed_where_the_change_cannot_be_noted(
    gaugeway: Gaugeway, home: Home, file: str, kind: str
) -> None:
    add_key(home.path, "checkout", "app")
    before = (home.path / "keys.json").read_bytes()
    SPOILT[kind](home.path / file)
    if (file, kind) == ("keys.lock", "a pipe that nobody writes to"):
        assert gaugeway("keys", "create", "other").code == 0  # It can be locked as well.
        return
    ran = gaugeway("keys", "create", "other")
    assert is_one_line(ran), ran
    assert file in ran.err
    assert (home.path / "keys.json").read_bytes() == before


def test_a_process_that_never_lets_go_of_the_lock_is_not_waited_for_without_end(
    home: Home,
) -> None:
    add_key(home.path, "checkout", "app")
    descriptor = os.open(home.path / "keys.lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(KeysError, match="Another process"), locked(home.path, seconds=0.05):
            pass
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("arguments", ["create other", "create other --json", "rotate ID"])
def test_a_key_that_cannot_be_printed_is_named_so_that_it_can_be_taken_away(
    home: Home, arguments: str
) -> None:
    identity = add_key(home.path, "checkout", "app").split("_")[1]
    script = "from cli.main import main; main()"
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [sys.executable, "-c", script, "keys", *arguments.replace("ID", identity).split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "GAUGEWAY_HOME": str(home.path)},
            check=False,
        )
    made = read_records(home.path / "keys.json")[-1]
    assert made.id != identity
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1), ran.stderr
    assert f"gaugeway keys {'rotate' if 'rotate' in arguments else 'revoke'} {made.id}" in (
        ran.stderr
    )


def test_a_change_that_fails_half_way_is_not_in_the_audit_log(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_key(home.path, "checkout", "app")
    before = files(home.path)

    def fail(path: Path, data: bytes | str, mode: int = 0o600) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("service.key_file.write_atomically", fail)
    with pytest.raises(KeysError, match="Nothing was changed"):
        add_key(home.path, "other", "app")
    assert files(home.path) == before


async def test_keys_made_after_the_disk_is_free_again_are_good(
    gaugeway: Gaugeway, disk: Disk
) -> None:
    disk.fill()
    assert gaugeway("keys", "create", "checkout").code == 1
    disk.free()
    key = gaugeway("keys", "create", "checkout").out.strip()
    assert (await KeyStore(disk.path).authenticate(f"Bearer {key}")).app == "checkout"
