"""What a check found, and all findings together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["panel", "exemplar", "event", "variable", "link", "alert"]
# "excused" is a panel that may be empty; "not proven" is what nobody tried, and counts as failed.
Outcome = Literal["proven", "excused", "failed", "not proven"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: where it stands, what it is, what came of it.

    `how` says what it was proven by, or why it was not.
    """

    kind: Kind
    place: str
    name: str
    outcome: Outcome
    how: str = ""

    @property
    def good(self) -> bool:
        """Tell whether it stands in nobody's way."""
        return self.outcome in {"proven", "excused"}

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "kind": self.kind,
            "place": self.place,
            "name": self.name,
            "outcome": self.outcome,
            "how": self.how,
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """Every finding of one run."""

    findings: tuple[Finding, ...]
    seconds: float

    @property
    def good(self) -> bool:
        """Tell whether something was checked and nothing failed."""
        return bool(self.findings) and all(finding.good for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "good": self.good,
            "seconds": round(self.seconds, 1),
            "totals": [
                {"kind": kind, "place": place, **counts}
                for (kind, place), counts in totals(self.findings).items()
            ],
            "findings": [finding.document() for finding in self.findings],
        }


def totals(findings: Iterable[Finding]) -> dict[tuple[Kind, str], dict[str, int]]:
    """Count findings by kind and place, in the order they came: how many there are and how each
    kind of end came of them.
    """
    counted: dict[tuple[Kind, str], dict[str, int]] = {}
    for finding in findings:
        counts = counted.setdefault(
            (finding.kind, finding.place),
            {"all": 0, "proven": 0, "excused": 0, "failed": 0, "not proven": 0},
        )
        counts["all"] += 1
        counts[finding.outcome] += 1
    return counted
