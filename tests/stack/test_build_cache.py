"""The cache of built binaries stays whole whatever happens to it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from stack.binaries import (
    BinaryError,
    BuildSettings,
    Component,
    cache,
    console_progress,
    ensure,
    readiness,
)
from tests.stack.fake_go import FakeGo, fake_go


@pytest.fixture
def go(tmp_path: Path) -> FakeGo:
    return fake_go(tmp_path)


def built(go: FakeGo, settings: BuildSettings | None = None, **changes: str) -> Path:
    component = replace(go.component, **changes)
    paths = ensure(
        [component.name],
        progress=console_progress(io.StringIO()),
        settings=settings or go.settings_with(),
        components=(component,),
    )
    return paths[component.name]


def sound(go: FakeGo, component: Component | None = None) -> bool:
    component = component or go.component
    (found,) = readiness([component.name], settings=go.settings_with(), components=(component,))
    return found.usable


def test_a_binary_is_built_once(go: FakeGo) -> None:
    first = built(go)
    assert os.access(first, os.X_OK)
    assert first.name == "demo"
    assert built(go) == first
    assert len(go.builds) == 1


def test_a_cache_that_cannot_be_written_is_one_message_that_says_what_to_set(
    go: FakeGo, tmp_path: Path
) -> None:
    occupied = tmp_path / "a file"
    occupied.write_text("")
    settings = replace(go.settings_with(), cache=occupied)
    with pytest.raises(BinaryError, match=r"cannot be written: .+ set GAUGEWAY_CACHE"):
        built(go, settings)


def test_a_truncated_binary_is_rebuilt(go: FakeGo) -> None:
    binary = built(go)
    whole = binary.read_bytes()
    binary.write_bytes(whole[:10])
    assert built(go).read_bytes() == whole
    assert len(go.builds) == 2


def test_a_binary_changed_without_changing_its_size_is_rebuilt(go: FakeGo) -> None:
    binary = built(go)
    whole = binary.read_bytes()
    binary.write_bytes(b"X" + whole[1:])
    os.utime(binary, ns=(1, 1))
    assert built(go).read_bytes() == whole


def test_damage_that_keeps_size_and_time_is_found_by_a_thorough_look(go: FakeGo) -> None:
    binary = built(go)
    times = binary.stat()
    binary.write_bytes(b"X" + binary.read_bytes()[1:])
    os.utime(binary, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert not sound(go)


def test_damage_that_keeps_size_and_time_is_found_after_the_machine_restarts(
    go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = built(go)
    times, whole = binary.stat(), binary.read_bytes()
    binary.write_bytes(b"X" + whole[1:])
    os.utime(binary, ns=(times.st_atime_ns, times.st_mtime_ns))
    (tmp_path / "boot_id").write_text("another boot\n")
    monkeypatch.setattr(cache, "_BOOT_ID", tmp_path / "boot_id")
    assert built(go).read_bytes() == whole


def test_a_binary_that_was_only_touched_is_not_rebuilt(go: FakeGo) -> None:
    os.utime(built(go), ns=(1, 1))
    built(go)
    assert len(go.builds) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"size": 1}', None])
def test_a_broken_manifest_is_no_entry(go: FakeGo, content: str | None) -> None:
    manifest = built(go).with_name("manifest.json")
    if content is None:
        manifest.unlink()
    else:
        manifest.write_text(content)
    assert not sound(go)
    built(go)
    assert sound(go)


def test_a_binary_that_may_not_be_executed_is_rebuilt(go: FakeGo) -> None:
    built(go).chmod(0o644)
    if os.access(built(go), os.X_OK):
        assert len(go.builds) == 2


def test_another_go_sum_source_flag_or_compiler_is_another_binary(go: FakeGo) -> None:
    paths = {built(go)}
    (go.component.module_dir / "go.sum").write_text("example.org/left v1.0.0 h1:x\n")
    paths.add(built(go))
    (go.component.module_dir / "main.go").write_text("package main\n")
    paths.add(built(go))
    paths.add(built(go, version="1.2.4"))
    paths.add(built(go, go.settings_with(FAKE_GO_VERSION="go1.27.0")))
    assert len(paths) == 5


def test_only_the_newest_entries_are_kept(go: FakeGo) -> None:
    *_, last = (built(go, version=f"1.0.{number}") for number in range(6))
    entries = [path for path in last.parents[1].iterdir() if path.is_dir()]
    assert last.parent in entries
    assert len(entries) == 3


def test_concurrent_builds_of_one_binary_build_it_once(go: FakeGo) -> None:
    slow = go.settings_with(FAKE_GO_SECONDS="0.5")
    with ThreadPoolExecutor(4) as pool:
        builds = [pool.submit(built, go, slow) for _ in range(4)]
    assert len({build.result() for build in builds}) == 1
    assert len(go.builds) == 1


BUILD_SLOWLY = """
import sys
from pathlib import Path
from stack.binaries import ensure
from tests.stack.fake_go import fake_go
go = fake_go(Path(sys.argv[1]))
ensure(["demo"], settings=go.settings_with(FAKE_GO_SECONDS="30"), components=(go.component,))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_build_killed_half_way_leaves_neither_lock_nor_binary(
    tmp_path: Path, how: signal.Signals
) -> None:
    log = tmp_path / "builds.log"
    with subprocess.Popen(
        [sys.executable, "-c", BUILD_SLOWLY, str(tmp_path)],
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    ) as builder:
        deadline = time.monotonic() + 20
        while not list(tmp_path.rglob("*.partial")) and time.monotonic() < deadline:
            time.sleep(0.02)
        builder.send_signal(how)
    compiler = int(log.read_text().split()[0])
    if how is signal.SIGINT:
        with pytest.raises(ProcessLookupError):
            os.kill(compiler, 0)
    else:
        os.kill(compiler, signal.SIGKILL)
    assert built(fake_go(tmp_path)).stat().st_size > len(b"half")
    assert not list(tmp_path.rglob("*.partial"))
