"""What the table of components says is what their modules say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stack.binaries import COMPONENTS, BuildSettings, Component

ROOT = Path(__file__).parents[2]
each = pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)


@each
def test_the_module_requires_the_version_of_the_table(component: Component) -> None:
    required = re.search(
        rf"^\s*(?:require )?{re.escape(component.module)} (\S+)",
        (component.module_dir / "go.mod").read_text(),
        re.MULTILINE,
    )
    assert required is not None
    assert required.group(1) == component.module_version


@each
def test_the_checksums_are_in_the_repository(component: Component) -> None:
    sums = (component.module_dir / "go.sum").read_text()
    assert f"{component.module} {component.module_version} h1:" in sums


@each
def test_no_module_points_at_a_directory_of_one_machine(component: Component) -> None:
    for line in (component.module_dir / "go.mod").read_text().splitlines():
        if "=>" in line:
            assert not re.search(r"=>\s*[./]", line), line


def test_names_are_unique() -> None:
    assert len({component.name for component in COMPONENTS}) == len(COMPONENTS)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"GAUGEWAY_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, Path("/a")),
        ({"XDG_CACHE_HOME": "/b"}, Path("/b/gaugeway")),
        ({}, Path.home() / ".cache" / "gaugeway"),
    ],
)
def test_the_cache_lies_outside_the_checkout(environ: dict[str, str], expected: Path) -> None:
    assert BuildSettings.from_environment(environ).cache == expected
    assert ROOT not in expected.parents
