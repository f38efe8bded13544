from __future__ import annotations

import stat
from pathlib import Path

import pytest

from stack.home import Home, HomeError, private_directory, write_private
from tests.disks import small_disk


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_prepared_home_is_readable_by_its_owner_alone(home: Home) -> None:
    home.path.chmod(0o755)
    home.prepare()
    directories = (home.path, home.run, home.logs, home.config, home.tls, home.secrets)
    assert {mode(path) for path in directories} == {0o700}


def test_a_private_file_is_never_readable_by_others_even_over_an_open_one(home: Home) -> None:
    path = home.path / "token"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert (path.read_text(), mode(path)) == ("new", 0o600)
    assert [entry.name for entry in home.path.iterdir()] == ["token"]


def test_a_disk_that_is_full_keeps_nothing_of_a_secret(home: Home) -> None:
    with small_disk(home.path / "disk", 64) as disk:
        path = disk.path / "token"
        write_private(path, "old")
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            write_private(path, "new" * 10_000)
        assert path.read_text() == "old"
        assert {one.name for one in disk.path.iterdir()} == {"token", ".ballast"}


def test_a_long_home_gets_a_short_socket_of_its_own(home: Home) -> None:
    deep, deeper = Home(home.path / ("a" * 120)), Home(home.path / ("b" * 120))
    assert len(str(deep.socket)) < 104
    assert deep.socket != deeper.socket
    assert home.socket.parent == home.run


def test_a_home_that_cannot_be_made_is_refused_with_its_variable(home: Home) -> None:
    (home.path / "file").write_text("")
    with pytest.raises(HomeError, match="GAUGEWAY_HOME"):
        private_directory(home.path / "file" / "below")
