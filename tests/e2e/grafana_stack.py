"""A stack whose Grafana evaluates alerts and notifies stand-ins, after some traffic."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.targets import DEFAULT_PATH
from tests.alerts.secret_files import fill
from tests.alerts.sinks import Mailbox, Posts, mailbox, posts
from tests.e2e.grafana_api import Grafana
from tests.e2e.stack import Stack, running

HOME = os.environ.get("GAUGEWAY_GRAFANA_HOME", "")
where_one_is_installed = pytest.mark.skipif(
    not HOME, reason="Grafana is not installed: set GAUGEWAY_GRAFANA_HOME to an unpacked one"
)


@dataclass(frozen=True, slots=True)
class Evaluating:
    """The stack, its Grafana, and what came to those who are notified."""

    stack: Stack
    grafana: Grafana
    receivers: Path
    posts: Posts
    mailbox: Mailbox


@contextmanager
def evaluating(home: Path) -> Generator[Evaluating]:
    """Grafana evaluates; there was traffic, a provider refused a key, and a model had no price."""
    with posts() as posted, mailbox() as mails:
        # All but PagerDuty: it alone has an address that no file can change.
        receivers = fill(
            home / "receivers",
            slack=posted.url("slack"),
            discord=posted.url("discord"),
            webhook=posted.url("webhook"),
            email="ops@example.com",
            smtp=f"smtp://127.0.0.1:{mails.port}?from=gaugeway@example.com",
        )
        environment = {
            "GAUGEWAY_GRAFANA_HOME": HOME,
            "GAUGEWAY_ALERTING": "grafana",
            "GAUGEWAY_TARGETS": str(_targets(home / "targets.yaml")),
            "GAUGEWAY_SIMULATE_CONTROL": "1",
        }
        with running(home, environment=environment) as stack:
            # Twice, so that what a rule reads as an increase has grown.
            for model, control in (("simulated", {"status": 401}), ("unpriced", {})) * 2:
                _chat(stack, model, control)
            stack.command("demo", "--json", "--seconds", "15", within=120)
            yield Evaluating(stack, Grafana.of(stack), receivers, posted, mails)


def _targets(file: Path) -> Path:
    """The shipped targets, and a model without a price."""
    shipped: dict[str, Any] = yaml.safe_load(DEFAULT_PATH.read_text())
    models = {"unpriced": {"model": "nobody-prices-this"}}
    shipped["targets"]["further"] = {"provider": "simulated", "models": models}
    file.write_text(yaml.safe_dump(shipped))
    return file


def _chat(stack: Stack, model: str, control: dict[str, Any]) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "What does it cost?"}]}
    headers = {
        "authorization": f"Bearer {stack.api_key}",
        "content-type": "application/json",
        "x-gaugeway-simulate": json.dumps(control),
    }
    request = urllib.request.Request(
        f"{stack.service_url}/v1/chat/completions", json.dumps(body).encode(), headers
    )
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError:
        if not control:
            raise
