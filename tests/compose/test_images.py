"""Images are pinned, and where they are not what the tests run, a file says so."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest
import yaml

from stack.binaries.components import COMPONENTS
from tests.compose.rendering import CHECKOUT, ENVIRONMENTS, services

OWN = "gaugeway/service"
Row = dict[str, Any]


def stated() -> dict[str, Row]:
    path = CHECKOUT / "compose" / "images.yaml"
    return cast("dict[str, Row]", yaml.safe_load(path.read_text(encoding="utf-8")))


def version_of(image: str) -> str:
    return image.rpartition(":")[2].removeprefix("v")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_image_has_a_whole_version(environment: str) -> None:
    for name, service in services(environment).items():
        assert re.fullmatch(r"v?\d+\.\d+\.\d+(-[a-z]+)?", service["image"].rpartition(":")[2]), name


def test_the_file_states_every_image_and_no_other() -> None:
    used = {
        name: service["image"]
        for name, service in services("prod").items()
        if not service["image"].startswith(OWN)
    }
    file = {name: row["image"] for name, row in stated().items()}
    base = file.pop("service")
    assert file == used
    assert f"ARG PYTHON_IMAGE={base}\n" in (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_a_component_runs_in_the_version_the_tests_run(component: Any) -> None:
    row = stated().get(component.name)
    if row is None:
        # Tools and the process manager have no container of their own.
        assert component.name not in services("dev")
        return
    tested = component.version.partition("+")[0]
    assert row["tested"] == f"{component.name} {tested}"
    assert version_of(row["image"]) == tested or row.get("difference")


def test_a_difference_is_stated_exactly_where_there_is_one() -> None:
    same = {name for name, row in stated().items() if "difference" not in row}
    assert same == {"prometheus", "alertmanager", "loki"}
