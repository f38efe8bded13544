"""Plays each scenario of scenarios.yaml against telemetry that is recorded in memory."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from otel import operation
from otel.inference import Operation, Telemetry, Usage


def _chat(telemetry: Telemetry) -> None:
    call = Operation(
        "chat",
        "openai",
        "gpt-4o",
        app="shop",
        component="search",
        server_address="api.openai.com",
        server_port=443,
        target="primary",
        attributes={"gen_ai.request.max_tokens": 50, "gen_ai.request.temperature": 0.5},
    )
    with telemetry.inference(call) as inference:
        inference.response(model="gpt-4o-2024", id="r1", finish_reasons=("stop",))
        inference.usage(Usage(20, 10, 8, 4, 5))
        inference.cost(Decimal("0.00001"), source="book")


def _stream(telemetry: Telemetry) -> None:
    inference = telemetry.inference(Operation("chat", "openai", "gpt-4o", app="shop", stream=True))
    inference.chunk()
    inference.chunk()
    inference.usage(Usage(20, 3, estimated=True))
    inference.cost(Decimal("0.00001"))
    inference.end("client_disconnect")


def _failure(telemetry: Telemetry) -> None:
    inference = telemetry.inference(Operation("chat", "openai", "gpt-4o"))
    inference.provider_error(error_type="rate_limited", status=429, code="slow_down")
    inference.retry(error_type="rate_limited", delay_seconds=0.5)
    inference.timeout("read")
    inference.fail("timeout", "no answer in 5 s")
    inference.end("timeout")


def _embeddings(telemetry: Telemetry) -> None:
    with telemetry.inference(Operation("embeddings", "openai", "small")) as inference:
        inference.usage(Usage(7, 0))
        inference.cost(None)


def _operation(telemetry: Telemetry) -> None:
    with operation("rank") as running:
        running.cost(Decimal("0.5"))


SCENARIOS: Final[Mapping[str, Callable[[Telemetry], None]]] = {
    "chat": _chat,
    "stream": _stream,
    "failure": _failure,
    "embeddings": _embeddings,
    "operation": _operation,
}
