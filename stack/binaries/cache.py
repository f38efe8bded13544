"""The cache of built binaries: found, verified, stored whole or not at all.

One directory an entry, `<cache>/binaries/<component>/<key>/`, with the binary and a manifest that
states its size and SHA-256. The manifest is written last, so an entry without one is not an entry.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import TextIOWrapper
from pathlib import Path

from stack.binaries.components import Component
from stack.binaries.errors import BinaryError
from stack.binaries.toolchain import Toolchain

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_KEPT_ENTRIES = 3


@dataclass(frozen=True)
class Manifest:
    """What a binary was when it was stored, and in which boot of the machine it was last read."""

    version: str
    go: str
    size: int
    mtime_ns: int
    sha256: str
    verified_boot: str


def entry_key(component: Component, toolchain: Toolchain) -> str:
    """Return the digest of all that decides the binary's bytes."""
    digest = hashlib.sha256()
    sources = sorted(component.module_dir.glob("*.go"))
    for path in (component.module_dir / "go.mod", component.module_dir / "go.sum", *sources):
        digest.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    flags = (component.package, *component.build_flags, toolchain.version, *toolchain.platform)
    digest.update("\0".join(flags).encode())
    return digest.hexdigest()[:16]


class Entry:
    """The place of one binary in the cache."""

    def __init__(self, cache: Path, component: Component, key: str):
        self._home = cache / "binaries" / component.name
        self._directory = self._home / key
        self._manifest = self._directory / "manifest.json"
        self._component = component
        self.binary = self._directory / component.binary

    def usable(self, *, thorough: bool = False) -> bool:
        """Tell whether the binary is the one that was stored.

        Size and modification time are compared each time; the whole content once in a boot of
        the machine, after a change of either, and when `thorough`.
        """
        manifest = self._read_manifest()
        if manifest is None:
            return False
        try:
            stat = self.binary.stat()
            if stat.st_size != manifest.size or not os.access(self.binary, os.X_OK):
                return False
            boot = _boot()
            trusted = bool(boot) and manifest.verified_boot == boot
            if trusted and stat.st_mtime_ns == manifest.mtime_ns and not thorough:
                return True
            if _sha256(self.binary) != manifest.sha256:
                return False
        except OSError:
            return False
        self._write_manifest(manifest, mtime_ns=stat.st_mtime_ns, boot=boot)
        return True

    @contextmanager
    def locked(self, waiting: Callable[[], None]) -> Generator[None]:
        """Hold the component's lock; `waiting` is called once if another process holds it.

        The lock is the kernel's: it ends with its holder, however that one died. Raises
        `BinaryError` where the cache cannot be written.
        """
        with self._lock_file() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _lock_file(self) -> TextIOWrapper:
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            return (self._home / "lock").open("w")
        except OSError as error:
            raise BinaryError(
                f"{self._component.name} is not built yet and {self._home} cannot be written: "
                f"{error.strerror}; set GAUGEWAY_CACHE to a directory of your own."
            ) from error

    def store(self, build: Callable[[Path], None], toolchain: Toolchain) -> None:
        """Let `build` write a binary and take it in whole; call it with the lock held."""
        self._discard_leftovers()
        # A compiler that outlived its killed parent may still write to the name it was given.
        partial = self._home / f"{self._component.binary}.{_unique()}.partial"
        build(partial)
        partial.chmod(0o755)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True)
        partial.replace(self.binary)
        stat = self.binary.stat()
        fresh = Manifest(
            version=self._component.version,
            go=toolchain.version,
            size=stat.st_size,
            mtime_ns=stat.st_mtime_ns,
            sha256=_sha256(self.binary),
            verified_boot="",
        )
        self._write_manifest(fresh, mtime_ns=stat.st_mtime_ns, boot=_boot())

    def _discard_leftovers(self) -> None:
        """Drop what a killed build left behind, and all but the newest of the other entries."""
        for partial in self._home.glob("*.partial"):
            partial.unlink(missing_ok=True)
        entries = sorted(
            (path for path in self._home.iterdir() if path.is_dir() and path != self._directory),
            key=lambda path: path.stat().st_mtime,
            reverse=True,
        )
        for old in entries[_KEPT_ENTRIES - 1 :]:
            shutil.rmtree(old, ignore_errors=True)

    def _read_manifest(self) -> Manifest | None:
        try:
            return Manifest(**json.loads(self._manifest.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _write_manifest(self, manifest: Manifest, *, mtime_ns: int, boot: str) -> None:
        facts = {**asdict(manifest), "mtime_ns": mtime_ns, "verified_boot": boot}
        partial = self._manifest.with_suffix(f".{_unique()}")
        partial.write_text(json.dumps(facts, indent=1) + "\n")
        partial.replace(self._manifest)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unique() -> str:
    return f"{os.getpid()}-{time.monotonic_ns()}"


def _boot() -> str:
    """Name this boot of the machine; empty where the system has no name for it."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
