"""A running service charges by the operator's file, and by its next version without a restart."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from otel import names
from tests.service.running import RunningService, running, settings_for, wait_for

FALLBACK = """
targets:
  failing:
    provider: simulated
    options: {seed: 11, latency_ms: 0, faults: {status: {503: 1.0}}}
    retries: {attempts: 1}
    models:
      chain: {model: simulated, prices: {input: "0.40", output: "1.60"}}
  steady:
    provider: simulated
    options: {seed: 13, latency_ms: 0, token_ms: 0}
    models:
      chain: {model: nobody-knows-its-price}
models:
  chain: [failing, steady]
"""
# Redis is not what is tested here: nothing listens there, and requests go on without it.
NO_REDIS = "redis://127.0.0.1:9"


def write(path: Path, price: str) -> None:
    aside = path.with_suffix(".new")
    aside.write_text(
        "models:\n"
        "  - {provider: simulated, model: nobody-knows-its-price, "
        f"prices: {{input: {price}, output: 0}}}}\n"
    )
    aside.replace(path)


def cost(service: RunningService) -> Decimal | None:
    reply = service.chat(model="unpriced")
    assert reply.status == 200, reply.body
    told = reply.headers.get("x-gaugeway-cost-usd")
    assert (told is None) == (reply.headers.get("x-gaugeway-unpriced") == "true")
    if told is None:
        return None
    return Decimal(told) / reply.json["usage"]["prompt_tokens"] * 1_000_000


def test_requests_are_charged_by_the_file_and_by_its_next_version(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    write(path, "2")
    with running(settings_for(tmp_path / "home", NO_REDIS, prices=path)) as service:
        assert cost(service) == 2
        write(path, "3")
        wait_for(lambda: cost(service) == 3, "the new price")
        path.write_text("models: [{provider: simulated}]")
        reloads = names.CONFIGURATION_RELOADS
        refused = {"gaugeway_configuration_result": "refused"}
        wait_for(lambda: service.telemetry.value(reloads, **refused) == 1, "the refusal")
        assert cost(service) == 3


def test_without_a_file_the_model_is_unpriced(tmp_path: Path) -> None:
    with running(settings_for(tmp_path / "home", NO_REDIS)) as service:
        assert cost(service) is None


def test_an_unpriced_model_can_be_refused_until_the_file_states_its_price(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("models: []")
    settings = settings_for(tmp_path / "home", NO_REDIS, prices=path, unpriced="refuse")
    with running(settings) as service:
        for stream in (False, True):
            refused = service.chat(model="unpriced", stream=stream)
            assert (refused.status, refused.error["code"]) == (403, "model_unpriced")
            assert refused.error["param"] == "model"
            assert "GAUGEWAY_PRICES" in refused.error["message"]
        assert service.chat(model="simulated").status == 200
        # Nobody was asked, so nothing was used and nothing is counted as unpriced.
        assert service.telemetry.value(names.UNPRICED_OPERATIONS) == 0
        write(path, "2")
        wait_for(lambda: service.chat(model="unpriced").status == 200, "the price to be known")
        assert cost(service) == 2


def test_a_fallback_to_an_unpriced_model_is_refused_too(tmp_path: Path) -> None:
    allowing = settings_for(tmp_path / "allowing", NO_REDIS)
    with running(allowing, targets=FALLBACK) as service:
        assert service.chat(model="chain").headers["x-gaugeway-unpriced"] == "true"
    refusing = settings_for(tmp_path / "refusing", NO_REDIS, unpriced="refuse")
    with running(refusing, targets=FALLBACK) as service:
        refused = service.chat(model="chain")
        assert (refused.status, refused.error["code"]) == (403, "model_unpriced")
