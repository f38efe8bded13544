"""The history in the cache: written once for each description, whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stack.binaries import BuildSettings, Component, ensure

_MODULE: Final = Path(__file__).resolve().parents[1] / "history"
WRITER: Final = Component(
    name="bench-history",
    version="3.15.0",
    module_dir=_MODULE,
    package="gaugeway/bench/history",
    binary="bench-history",
    module="github.com/prometheus/prometheus",
    module_version="v0.315.0",
    typical_seconds=60,
)


def writer() -> Path:
    """The program that writes blocks, built where the cache lacks it."""
    return ensure([WRITER.name], components=(WRITER,))[WRITER.name]


@dataclass(frozen=True, slots=True)
class Store:
    """Histories below `home`, written by `program`."""

    home: Path
    program: Path

    @classmethod
    def in_cache(cls) -> Store:
        """The one beside the built binaries."""
        return cls(BuildSettings.from_environment().cache / "history", writer())

    @contextmanager
    def opened(self, description: Mapping[str, object]) -> Generator[Path]:
        """A Prometheus's data directory that holds what is described, gone at the end.

        Its files are those of the store, linked. One measurement at a time: another would
        disturb it.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = self._kept(json.dumps(description, sort_keys=True))
            with tempfile.TemporaryDirectory(dir=self.home, prefix="data.") as directory:
                shutil.copytree(kept, directory, copy_function=os.link, dirs_exist_ok=True)
                yield Path(directory)

    def _kept(self, text: str) -> Path:
        """The directory of what is described; all else that lies there is removed."""
        key = hashlib.sha256(text.encode() + self.program.read_bytes()).hexdigest()[:16]
        kept = self.home / key
        for other in self.home.iterdir():
            # What a killed run left, and older histories: each is gigabytes, so one is enough.
            if other.is_dir() and other != kept:
                shutil.rmtree(other)
        return kept if kept.exists() else self._write(text, kept)

    def _write(self, text: str, kept: Path) -> Path:
        """A directory gets its name when everything is in it."""
        partial = kept.with_suffix(".partial")
        partial.mkdir()
        described = partial / "description.json"
        described.write_text(text)
        sys.stderr.write("writing the history: some minutes, once\n")
        command = [str(self.program), "-description", str(described), "-out", str(partial)]
        counted = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        (partial / "written.json").write_bytes(counted)
        return partial.rename(kept)
