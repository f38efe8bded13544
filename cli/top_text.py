"""What the lines of `gaugeway top` are made of: room to draw on, marks, and cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from rich.text import Text


@dataclass(frozen=True, slots=True)
class Shape:
    """What there is to draw on; `height` None: as many lines as it takes."""

    width: int = 80
    height: int | None = 24
    ascii_only: bool = False

    def less(self, lines: int) -> Self:
        """What is left of it below so many lines."""
        return self if self.height is None else replace(self, height=max(0, self.height - lines))

    @property
    def dot(self) -> str:
        """A mark for a state."""
        return "*" if self.ascii_only else "●"

    @property
    def up(self) -> str:
        """A mark for more."""
        return "+" if self.ascii_only else "▲"

    @property
    def down(self) -> str:
        """A mark for less."""
        return "-" if self.ascii_only else "▼"

    def bar(self, percent: float, width: int, style: str) -> Text:
        """A bar of which so much is full."""
        full = min(width, max(0, int(percent / 100 * width + 0.5)))
        if percent > 0:
            # Something is never shown as nothing, nor less than all as all.
            full = max(1, full)
        if percent < 100:
            full = min(full, width - 1)
        marks = ("#", ".") if self.ascii_only else ("█", "░")
        return Text.assemble((marks[0] * full, style), (marks[1] * (width - full), "dim"))


def cell(text: Text | str, width: int, *, right: bool = False) -> Text:
    """A text in exactly so many columns, cut or filled up."""
    made = text.copy() if isinstance(text, Text) else Text(text)
    made.truncate(max(0, width), overflow="ellipsis")
    made.align("right" if right else "left", max(0, width))
    return made


def plain(text: str) -> str:
    """A text without what would steer the terminal: callers choose names freely."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def ascii_of(line: Text) -> Text:
    """A line with nothing in it that an ASCII terminal lacks."""
    line.plain = "".join(
        letter if letter.isascii() else _ASCII.get(letter, "?") for letter in line.plain
    )
    return line


_ASCII = {"…": ".", "\N{EN DASH}": "-", "\N{MINUS SIGN}": "-"}
