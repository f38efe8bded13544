"""Each alert has its runbook, and what a runbook says to do can be done."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.main import app
from grafana.alerts.alert import RUNBOOKS
from grafana.alerts.declared import ALERTS
from service.settings import Settings
from stack.components.component import NAMES
from tests.docs.blocks import DOCS, QUERY_LANGUAGES, blocks

ROOT = Path(__file__).parents[2]
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
PAGES = sorted((ROOT / RUNBOOKS).glob("*.md"))
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
# Pages with commands of the same kind.
WITH_RECIPES = pytest.mark.parametrize(
    "page", [*PAGES, DOCS / "recipes.md"], ids=lambda page: page.stem
)
_LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert {page.stem for page in PAGES} == {alert.name for alert in ALERTS}


@pages
def test_a_runbook_has_its_sections_and_something_in_each(page: Path) -> None:
    title, *sections = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)
    assert title == f"# {page.stem}\n\n"
    told = dict(section.split("\n", 1) for section in sections)
    assert list(told) == SECTIONS
    assert all(len(text.split()) >= 5 for text in told.values())
    # The meaning is for somebody who has just woken up.
    assert len(told["Meaning"].strip().splitlines()) <= 2


@pages
def test_a_runbook_asks_something_of_the_backends(page: Path) -> None:
    found = list(blocks(page, *QUERY_LANGUAGES))
    assert found
    assert {block.heading for block in found} == {"Diagnosis"}


def test_no_two_runbooks_mitigate_in_the_same_words() -> None:
    told = [page.read_text().partition("## Mitigation")[2].strip() for page in PAGES]
    assert len(set(told)) == len(told)


@WITH_RECIPES
def test_a_link_leads_to_a_page_and_a_heading_that_are_there(page: Path) -> None:
    for target, heading in _LINK.findall(page.read_text()):
        linked = (page.parent / target).resolve() if target else page
        assert linked.is_file(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
            assert heading in {_anchor(title) for title in headings}, f"{target}#{heading}"


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


@WITH_RECIPES
def test_a_command_of_ours_exists_with_its_options(page: Path) -> None:
    for line in _commands(page.read_text()):
        # Typer carries a click of its own, whose classes are nobody else's.
        command: Any = typer.main.get_command(app)
        words = shlex.split(line)[1:]
        while hasattr(command, "commands"):
            assert words, line
            name = words.pop(0)
            assert name in command.commands, line
            command = command.commands[name]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line
        if command.name == "logs":
            assert words[0] in NAMES, line


def _commands(text: str) -> list[str]:
    """What is run of `gaugeway`, in blocks and within sentences, without what it is piped into."""
    spans = re.findall(r"`([^`]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    # A command within a sentence may be broken over two lines.
    told = [span.replace("\n", " ") for span in spans]
    told += re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    found = re.findall(r"\bgaugeway [a-z][^|&\n`)#;]*", "\n".join(told))
    return [line.strip() for line in found]


@WITH_RECIPES
def test_an_address_of_the_service_is_documented(page: Path) -> None:
    known = "".join((DOCS / name).read_text() for name in ("api.md", "admin.md"))
    for path in re.findall(r"\$GAUGEWAY_URL(/[\w/.-]*)", page.read_text()):
        assert f"$GAUGEWAY_URL{path}" in known, path


@WITH_RECIPES
def test_a_variable_exists(page: Path) -> None:
    for name in set(re.findall(r"\bGAUGEWAY_[A-Z_]+[A-Z]\b", page.read_text())):
        assert name in _variables(), name


@cache
def _variables() -> set[str]:
    """Every variable that something here reads, and those of the pages' own commands."""
    found = {f"GAUGEWAY_{field.upper()}" for field in Settings.model_fields}
    places = ["service", "otel", "stack", "cli", "collector", "backends", "compose"]
    files = [file for place in places for file in (ROOT / place).rglob("*")]
    for file in (*files, ROOT / "docker-compose.yml", ROOT / "docs/deployment.md"):
        if file.suffix in {".py", ".yaml", ".yml", ".md"} and "build" not in file.parts:
            found |= set(re.findall(r"\bGAUGEWAY_[A-Z_]+[A-Z]\b", file.read_text()))
    return found | {"GAUGEWAY_URL", "GAUGEWAY_ADMIN_KEY"}


@pages
def test_a_threshold_exists_where_it_is_named(page: Path) -> None:
    declared = (ROOT / "grafana/dashboards/thresholds.py").read_text()
    for name in re.findall(
        r"`([A-Z_]{6,})` in `grafana/dashboards/thresholds.py`", page.read_text()
    ):
        assert f"{name}: Final" in declared, name
