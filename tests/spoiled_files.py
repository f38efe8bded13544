"""Ways in which a file that is watched can be spoiled: real ones, each made by a call."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

Spoil = Callable[[Path], None]


def remove(path: Path) -> None:
    """Take away whatever is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        return
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def replace(path: Path, content: bytes) -> None:
    """Put a file there, in one step, whatever was there before."""
    aside = path.with_name(f"{path.name}.aside")
    aside.write_bytes(content)
    if path.is_dir() and not path.is_symlink():
        remove(path)
    aside.replace(path)


def _content(content: bytes) -> Spoil:
    return lambda path: replace(path, content)


def _directory(path: Path) -> None:
    remove(path)
    path.mkdir()


def _pipe(path: Path) -> None:
    remove(path)
    os.mkfifo(path)


def _link(target: Callable[[Path], str]) -> Spoil:
    def spoil(path: Path) -> None:
        remove(path)
        path.symlink_to(target(path))

    return spoil


def _endless(path: Path) -> None:
    replace(path, b"")
    os.truncate(path, 1024**4)


SPOILT: Final[Mapping[str, Spoil]] = {
    "nested too deeply": _content(b"[" * 200_000),
    "nested too deeply inside": _content(b'{"keys": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    "empty": _content(b""),
    "cut short": _content(b'{"keys": [{"id": "ab'),
    "binary": _content(bytes(range(256)) * 64),
    "zeros, as after a power cut": _content(bytes(4096)),
    "another encoding": _content('{"keys": "ä"}'.encode("utf-16")[3:]),
    "a number": _content(b"5"),
    "a number without end": _content(b"9" * 100_000),
    "nothing in it": _content(b"{}"),
    "an object for a list": _content(b'{"keys": {}}'),
    "null for a list": _content(b'{"keys": null}'),
    "text for a list": _content(b'{"keys": ""}'),
    "a list of nothing": _content(b'{"keys": [null]}'),
    "larger than any memory": _endless,
    "a directory": _directory,
    "a pipe that nobody writes to": _pipe,
    "a device": _link(lambda _: "/dev/zero"),
    "a link to itself": _link(lambda path: path.name),
    "a link to nowhere": _link(lambda _: "nowhere"),
    "gone": remove,
}
