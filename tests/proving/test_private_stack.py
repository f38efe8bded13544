"""A private stack has the checkout's files, its own rules and ports, and nobody's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cli.proving.private_stack import lay_out_checkout, private_settings, scrape_every
from stack.settings import load

CHECKOUT = Path(__file__).parents[2]


def marked(rules: dict[str, Any]) -> dict[str, Any]:
    return {**rules, "marked": True}


def test_everything_but_the_rules_is_the_checkouts(tmp_path: Path) -> None:
    lay_out_checkout(CHECKOUT, tmp_path / "checkout", marked)
    place = tmp_path / "checkout"
    assert (place / "collector").resolve() == CHECKOUT / "collector"
    assert (place / "backends" / "loki.yaml").resolve() == CHECKOUT / "backends" / "loki.yaml"
    for file in sorted((CHECKOUT / "backends").glob("*/**/*.yaml")):
        copied = place / file.relative_to(CHECKOUT)
        if file.relative_to(CHECKOUT / "backends").parts[0] in {"rules", "alerts"}:
            assert not copied.is_symlink()
            declared = yaml.safe_load(file.read_text())
            assert yaml.safe_load(copied.read_text()) == {**declared, "marked": True}


def test_prometheus_scrapes_more_often_and_the_checkout_stays_as_it_is(tmp_path: Path) -> None:
    declared = (CHECKOUT / "backends" / "prometheus.yaml").read_text()
    lay_out_checkout(CHECKOUT, tmp_path / "checkout", marked)
    scrape_every(tmp_path / "checkout" / "backends" / "prometheus.yaml", "1s")
    changed = yaml.safe_load((tmp_path / "checkout" / "backends" / "prometheus.yaml").read_text())
    before = yaml.safe_load(declared)
    intervals = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    assert changed == {**before, "global": {**before["global"], **intervals}}
    assert (CHECKOUT / "backends" / "prometheus.yaml").read_text() == declared


def test_what_the_asker_has_set_changes_nothing(tmp_path: Path) -> None:
    asking = load(
        {
            "GAUGEWAY_BUDGETS": "/elsewhere.yaml",
            "OTEL_SDK_DISABLED": "true",
            "REDIS_URL": "redis://elsewhere:6379/0",
            "GAUGEWAY_CACHE": "/cache",
            "PATH": "/usr/bin",
        }
    )
    own = private_settings(asking, tmp_path, {"GAUGEWAY_SIMULATE_CONTROL": "1"})
    assert own.home.path == tmp_path / "home"
    assert own.redis_url is None
    assert "OTEL_SDK_DISABLED" not in own.inherited
    assert "GAUGEWAY_BUDGETS" not in own.inherited
    assert own.inherited["GAUGEWAY_CACHE"] == "/cache"
    ports = [port for _, port in own.ports]
    assert len(set(ports)) == len(ports)
    assert all(20_000 <= port < 28_000 for port in ports)
