"""A row of the table: what was counted elsewhere, and its home here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One or more names with one home: a query, alerts, or a sentence.

    `query` is PromQL, or LogQL where it selects streams; `alerts` are names of alerts; `note` is
    Markdown. A note that begins with "Empty" says when the query has no answer.
    """

    names: tuple[str, ...]
    query: str = ""
    alerts: tuple[str, ...] = ()
    note: str = ""

    @property
    def language(self) -> str:
        """`logql` or `promql`."""
        return "logql" if "{service_name=" in self.query else "promql"


@dataclass(frozen=True, slots=True)
class Application:
    """A kind of application that counted for itself."""

    title: str
    rows: tuple[Row, ...]


def row(*names: str, query: str = "", alerts: tuple[str, ...] = (), note: str = "") -> Row:
    """A row, its names first."""
    return Row(names, query, alerts, note)
