"""A build that cannot be says which, why and what to do."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from stack.binaries import (
    BinaryError,
    BuildError,
    BuildSettings,
    ToolchainError,
    console_progress,
    ensure,
)
from stack.binaries.progress import LineProgress
from tests.stack.fake_go import FakeGo, fake_go


@pytest.fixture
def go(tmp_path: Path) -> FakeGo:
    return fake_go(tmp_path)


def build(go: FakeGo, settings: BuildSettings) -> str:
    shown = io.StringIO()
    progress = LineProgress(shown, every_seconds=0)
    ensure([go.component.name], progress=progress, settings=settings, components=(go.component,))
    return shown.getvalue()


@pytest.mark.parametrize("version", ["go1.26.4", "go1.25", "go1.20.14"])
def test_a_go_older_than_the_module_needs_is_refused(go: FakeGo, version: str) -> None:
    with pytest.raises(ToolchainError, match=r"needs Go 1\.26\.5.*\n.*Install Go 1\.26\.5"):
        build(go, go.settings_with(FAKE_GO_VERSION=version))
    assert not go.builds


@pytest.mark.parametrize("version", ["go1.26.5", "go1.26.8", "go1.27rc1", "go2.0"])
def test_a_go_new_enough_is_taken(go: FakeGo, version: str) -> None:
    build(go, go.settings_with(FAKE_GO_VERSION=version))
    assert len(go.builds) == 1


def test_a_missing_go_is_named_with_what_to_install(go: FakeGo) -> None:
    settings = replace(go.settings_with(), go="/nowhere/go")
    with pytest.raises(ToolchainError, match=r"`/nowhere/go` cannot be run(.|\n)*GAUGEWAY_GO"):
        build(go, settings)


def test_a_go_that_may_not_fetch_a_newer_one_is_quoted(go: FakeGo) -> None:
    refusal = "go: go.mod requires go >= 1.26.5 (running go 1.24.0; GOTOOLCHAIN=local)"
    with pytest.raises(ToolchainError, match="GOTOOLCHAIN=local"):
        build(go, go.settings_with(FAKE_GO_REFUSES=refusal))


@pytest.mark.parametrize(
    ("last_words", "advice"),
    [
        ("demo.go:3:1: syntax error", "lines above say why"),
        ("dial tcp: lookup proxy: i/o timeout", "GOPROXY"),
        ("write /tmp/x: no space left on device", "disk is full"),
        ("link: signal: killed", "want of memory"),
    ],
)
def test_a_failed_build_names_the_component_its_last_lines_and_what_to_do(
    go: FakeGo, last_words: str, advice: str
) -> None:
    with pytest.raises(BuildError) as failure:
        build(go, go.settings_with(FAKE_GO_FAILS=last_words))
    assert failure.value.component == "demo"
    assert failure.value.last_lines == (last_words,)
    assert advice in str(failure.value)
    assert last_words in str(failure.value)


def test_a_failed_build_is_tried_again_the_next_time(go: FakeGo) -> None:
    with pytest.raises(BuildError):
        build(go, go.settings_with(FAKE_GO_FAILS="no"))
    build(go, go.settings_with())
    assert len(go.builds) == 2


def test_an_unknown_component_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BinaryError, match=r"no such component: mimir; there are .*loki"):
        ensure(["mimir"], progress=console_progress(io.StringIO()))


def test_a_user_s_own_flags_do_not_change_what_is_built(go: FakeGo) -> None:
    build(go, go.settings_with(GOFLAGS="-mod=vendor", GOWORK="/somewhere/go.work"))
    assert go.builds[0].split()[1] == "-mod=readonly"


def test_progress_says_how_far_it_is_and_how_long_it_will_take(go: FakeGo) -> None:
    shown = build(go, go.settings_with()).splitlines()
    assert shown[0] == "building demo: about 60 s on two cores, once"
    assert "demo: fetching sources, 1 modules" in shown
    assert any("1 of 2 packages; all in all 33%" in line for line in shown)
    assert shown[-1] == "demo 1.2.3 built"


def test_nothing_is_said_when_nothing_is_built(go: FakeGo) -> None:
    build(go, go.settings_with())
    assert build(go, go.settings_with()) == ""
