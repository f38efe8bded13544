"""The fenced blocks of a page, each with its heading and the sentence below it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[2] / "docs"
QUERY_LANGUAGES: Final = ("promql", "logql", "traceql")
_FENCE: Final = re.compile(r"```(\w+)\n(.*?)\n```\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `below` is the first line of the paragraph after it, or empty."""

    page: str
    heading: str
    language: str
    text: str
    below: str

    def __str__(self) -> str:
        return f"{self.page}, {self.heading}: {self.text[:60]}"


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """The page's blocks of these languages, in order."""
    text = page.read_text(encoding="utf-8")
    headings = [
        (match.start(), match[1]) for match in re.finditer(r"^##+ (.*)$", text, re.MULTILINE)
    ]
    for match in _FENCE.finditer(text):
        if match[1] in languages:
            heading = [title for start, title in headings if start < match.start()][-1]
            after = text[match.end() :].lstrip("\n").partition("\n")[0]
            yield Block(page.stem, heading, match[1], match[2], after)
