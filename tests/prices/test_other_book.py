"""The other book's file is fetched once, checked, and whole or not there at all."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.prices.other_book import (
    LOCK,
    MEMBER,
    VERSION,
    OtherBookError,
    data_file,
    read,
)

CONTENT = b'{"sample_spec": {}, "m": {"input_cost_per_token": 1e-07}}'
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def downloads() -> list[Path]:
    return []


@pytest.fixture
def download(downloads: list[Path]) -> Callable[[Path], None]:
    def download(directory: Path) -> None:
        downloads.append(directory)
        with zipfile.ZipFile(directory / "litellm-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr(MEMBER, CONTENT)
            wheel.writestr("litellm/__init__.py", "raise RuntimeError('never run')")

    return download


def test_it_is_fetched_once_and_only_the_data_is_kept(
    tmp_path: Path, download: Callable[[Path], None], downloads: list[Path]
) -> None:
    first = data_file(tmp_path, download, DIGEST)
    assert first.read_bytes() == CONTENT
    assert data_file(tmp_path, download, DIGEST) == first
    assert len(downloads) == 1
    assert not downloads[0].exists()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [first]


@pytest.mark.parametrize("broken", [b"", CONTENT[:20], b"other"])
def test_half_a_file_is_fetched_anew(
    tmp_path: Path, download: Callable[[Path], None], downloads: list[Path], broken: bytes
) -> None:
    path = data_file(tmp_path, download, DIGEST)
    path.write_bytes(broken)
    assert data_file(tmp_path, download, DIGEST).read_bytes() == CONTENT
    assert len(downloads) == 2


def test_another_file_than_the_pinned_one_is_not_kept(
    tmp_path: Path, download: Callable[[Path], None]
) -> None:
    with pytest.raises(OtherBookError, match="is not the one"):
        data_file(tmp_path, download, "0" * 64)
    assert not list(tmp_path.rglob("*.json"))


def test_a_download_that_brings_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(OtherBookError, match="there are 0"):
        data_file(tmp_path, lambda directory: None, DIGEST)


def test_the_wheel_is_pinned_by_its_digest_and_names_no_index() -> None:
    pinned = [line for line in LOCK.read_text().splitlines() if not line.startswith("#")]
    assert len(pinned) == 1
    assert pinned[0].startswith(f"litellm=={VERSION} --hash=sha256:")
    assert "://" not in pinned[0]


@pytest.mark.slow
def test_the_pinned_wheel_fills_an_empty_cache_and_heals_half_a_file(tmp_path: Path) -> None:
    path = data_file(tmp_path)
    whole = path.read_bytes()
    assert len(read(path)) > 2_000
    path.write_bytes(whole[: len(whole) // 2])
    assert data_file(tmp_path) == path
    assert path.read_bytes() == whole
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]
