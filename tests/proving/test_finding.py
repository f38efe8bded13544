"""A proof is good when all is proven, and its table says what is not."""

import io

import pytest
from rich.console import Console

from cli.proving.finding import Finding, Outcome, Proof, totals
from cli.proving.table import proof_view

PROVEN = Finding("panel", "slos", "Latency A", "proven", "1 from prometheus")


def printed(proof: Proof) -> str:
    out = io.StringIO()
    Console(file=out, width=160).print(proof_view(proof))
    return out.getvalue()


def test_a_proof_of_nothing_is_not_good() -> None:
    assert not Proof((), 1.0).good


@pytest.mark.parametrize(
    ("outcome", "good"),
    [("proven", True), ("excused", True), ("failed", False), ("not proven", False)],
)
def test_one_finding_decides(outcome: Outcome, good: bool) -> None:
    proof = Proof((PROVEN, Finding("alert", "ops", "RedisDown", outcome)), 1.0)
    assert proof.good is good
    assert proof.document()["good"] is good
    assert printed(proof).splitlines()[-1].startswith("everything is proven") is good


def test_findings_are_counted_by_kind_and_place() -> None:
    counted = totals([PROVEN, PROVEN, Finding("link", "slos", "Traces", "failed")])
    assert counted["panel", "slos"]["all"] == counted["panel", "slos"]["proven"] == 2
    assert counted["link", "slos"]["failed"] == 1


def test_the_table_names_what_failed_and_why() -> None:
    failed = Finding("panel", "slos", "Cost [30d] B", "failed", "prometheus has no data")
    text = printed(Proof((PROVEN, failed), 1.0))
    assert "Cost [30d] B" in text
    assert "prometheus has no data" in text
    assert "Latency A" not in text


def test_the_table_shows_every_alert_and_how_it_was_caused() -> None:
    alert = Finding("alert", "ops", "ServiceDown", "proven", "the service was killed")
    assert "the service was killed" in printed(Proof((alert,), 1.0))
