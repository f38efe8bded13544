"""docs/settings.md has every setting, no other, and their defaults."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from service.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
TEXT = PAGE.read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| (.*?)\| (.+) \|$", TEXT, flags=re.MULTILINE)


def variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"GAUGEWAY_{name.upper()}"


def default(name: str, field: FieldInfo) -> str:
    if name == "home":
        return "~/.gaugeway"
    value = field.get_default()
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_every_setting_is_there_in_order_with_its_default_and_no_other_is() -> None:
    fields = Settings.model_fields
    told = [(name, stated.strip().strip("`")) for name, stated, _ in ROWS]
    assert told == [(variable(name, field), default(name, field)) for name, field in fields.items()]


def test_the_home_is_where_the_page_says() -> None:
    assert Settings.model_fields["home"].get_default(call_default_factory=True) == (
        Path("~/.gaugeway").expanduser()
    )


def test_every_file_it_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    files = [link.partition("#")[0] for link in links]
    assert [file for file in files if not (PAGE.parent / file).exists()] == []


def test_the_readme_leads_to_it() -> None:
    assert "(docs/settings.md)" in (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
