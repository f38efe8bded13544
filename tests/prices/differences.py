"""The differences between the two books that are known, each under a reason, in differences.yaml.

`python -m tests.prices.differences` writes the file anew from the books: known differences stay
under their reasons, those that are gone leave, new ones come under UNEXPLAINED. Find out why they
are there, and move them under a reason by hand: the test fails while any is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from service.price_book import PriceBook
from stack.binaries.settings import BuildSettings
from tests.prices.comparison import compare
from tests.prices.other_book import data_file, read

FILE = Path(__file__).with_name("differences.yaml")
UNEXPLAINED = "UNEXPLAINED"
_HEAD = """\
# Every price that genai-prices and litellm state differently, grouped by the reason. USD per
# million tokens or characters, and per hour of audio.
# Written by: python -m tests.prices.differences
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Differences that share a reason."""

    reason: str
    differences: tuple[str, ...]


def known() -> Mapping[str, Group]:
    """The groups in the file, by their names."""
    if not FILE.exists():
        return {}
    document: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {
        name: Group(entry["reason"], tuple(entry["differences"]))
        for name, entry in document.items()
    }


def regrouped(groups: Mapping[str, Group], found: Iterable[str]) -> Mapping[str, Group]:
    """What was found, under the reasons it had."""
    there = list(found)
    assigned = {line: name for name, group in groups.items() for line in group.differences}
    by_name: dict[str, list[str]] = {name: [] for name in groups}
    for line in there:
        by_name.setdefault(assigned.get(line, UNEXPLAINED), []).append(line)
    return {
        name: Group(groups[name].reason if name in groups else "", tuple(lines))
        for name, lines in by_name.items()
        if lines
    }


def write(groups: Mapping[str, Group]) -> None:
    """Replace the file."""
    parts = [_HEAD]
    for name, group in groups.items():
        entry = {name: {"reason": group.reason, "differences": list(group.differences)}}
        parts.append(yaml.safe_dump(entry, sort_keys=False, width=100, allow_unicode=True))
    FILE.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    path = data_file(BuildSettings.from_environment().cache)
    write(regrouped(known(), compare(read(path), PriceBook()).differences))
