"""docs/deployment.md: its variables are read, its files exist, its overrides work."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from grafana.alerts.receivers import SMTP
from grafana.alerts.routes import Channel
from service.settings import Settings
from tests.compose.rendering import CHECKOUT, COMPOSE_FILE, render

GUIDE = CHECKOUT / "docs" / "deployment.md"
TEXT = GUIDE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
READERS = ("*.py", "*.yaml", "*.yml", "*.sh", "Dockerfile")
OVERRIDES = [text for _, text in BLOCKS if text.startswith("# docker-compose.override.yml")]


def read_anywhere() -> set[str]:
    """Every name of ours that the product reads; settings derive theirs from fields."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *READERS],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    paths = [CHECKOUT / name for name in listed if not name.startswith(("tests/", "docs/"))]
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths if path.is_file())
    fields = {f"GAUGEWAY_{field.upper()}" for field in Settings.model_fields}
    return set(re.findall(r"GAUGEWAY_[A-Z_]+[A-Z]", text)) | fields


def test_every_variable_it_names_is_read() -> None:
    named = set(re.findall(r"GAUGEWAY_[A-Z_]+[A-Z]", TEXT))
    # The caller's own, in the first example.
    assert sorted(named - read_anywhere() - {"GAUGEWAY_API_KEY"}) == []


def test_every_file_it_links_to_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]
    assert links
    assert [link for link in links if not (GUIDE.parent / link).exists()] == []


def test_every_heading_it_jumps_to_exists() -> None:
    headings = re.findall(r"^#+ (.+)$", TEXT, flags=re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert [jump for jump in re.findall(r"\]\(#([^)]+)\)", TEXT) if jump not in anchors] == []


@pytest.mark.parametrize("override", OVERRIDES, ids=range(len(OVERRIDES)))
def test_an_override_it_shows_is_accepted(tmp_path: Path, override: str) -> None:
    digest = "sha256:" + "0" * 64
    file = tmp_path / "docker-compose.override.yml"
    file.write_text(override.replace("sha256:…", digest), encoding="utf-8")
    assert render("prod", files=(COMPOSE_FILE, file)) != render("prod")


def test_the_port_it_opens_takes_the_place_of_the_one_on_loopback(tmp_path: Path) -> None:
    (opening,) = [text for text in OVERRIDES if "4318:4318" in text]
    file = tmp_path / "docker-compose.override.yml"
    file.write_text(opening, encoding="utf-8")
    collector = render("prod", files=(COMPOSE_FILE, file))["services"]["collector"]
    assert [port["host_ip"] for port in collector["ports"]] == ["0.0.0.0"]


def test_the_other_yaml_it_shows_is_yaml() -> None:
    shown = [text for language, text in BLOCKS if language == "yaml" and text not in OVERRIDES]
    assert shown
    assert all(isinstance(yaml.safe_load(text), dict) for text in shown)


def test_the_defaults_of_retention_are_those_of_the_files() -> None:
    sources = "".join(
        (CHECKOUT / name).read_text(encoding="utf-8")
        for name in ("docker-compose.yml", "backends/loki.yaml", "backends/tempo.yaml")
    )
    section = TEXT.partition("## Retention")[2].partition("## Backup")[0]
    for row in re.findall(r"^\| \w+ \|(.+)\|(.+)\|$", section, flags=re.MULTILINE):
        variables, defaults = (re.findall(r"`([^`]+)`", cell) for cell in row)
        for variable, default in zip(variables, defaults, strict=True):
            assert f"{variable}:-{default}}}" in sources


def test_every_receivers_file_is_in_the_table_and_no_other() -> None:
    section = TEXT.partition("## Alerts")[2].partition("### Who evaluates")[0]
    rows = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    assert sorted(rows) == sorted([*Channel, SMTP])
