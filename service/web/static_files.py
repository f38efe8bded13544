"""The pages' own files: styles, scripts and one chart library, read once."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

PREFIX = "/static/"
"""Outside /admin, where nothing is given to strangers: the login page needs its styles."""
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent; `version` is the beginning of its SHA-256."""

    content: bytes
    media_type: str
    version: str


@functools.cache
def static_files() -> dict[str, StaticFile]:
    """All files by their path below `PREFIX`; reads the disk at the first call only."""
    return dict(_walk(resources.files("service.web") / "static", ""))


def static_url(name: str) -> str:
    """A file's address, with its version so that a browser may keep it for ever."""
    return f"{PREFIX}{name}?v={static_files()[name].version}"


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, StaticFile]]:
    found: list[tuple[str, StaticFile]] = []
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            found += _walk(entry, f"{name}/")
            continue
        media_type = _MEDIA_TYPES.get(f".{entry.name.rpartition('.')[2]}")
        # Licences and the manifest are for who reads the source.
        if media_type is not None:
            content = entry.read_bytes()
            version = hashlib.sha256(content).hexdigest()[:16]
            found.append((name, StaticFile(content, media_type, version)))
    return found
