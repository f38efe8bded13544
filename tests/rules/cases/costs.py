"""When alerts on what an hour and a day cost fire."""

from __future__ import annotations

from tests.rules.case import Case, pushed

DEV = {"deployment_environment_name": "dev"}
MODEL = {"gen_ai_provider_name": "openai", "gen_ai_request_model": "gpt-4o"}
HOUR_COST = 'environment:gaugeway_cost_usd:increase1h{deployment_environment_name="dev"}'


def cost(values: str) -> dict[str, str]:
    return pushed("gaugeway_cost_total", values, gaugeway_app="web-chat")


def tokens(values_in: str, values_out: str = "") -> dict[str, str]:
    found = pushed("gen_ai_client_inference_usage_input_tokens_total", values_in)
    if values_out:
        found |= pushed("gen_ai_client_inference_usage_output_tokens_total", values_out)
    return found


CASES = (
    Case(
        "CostSpike",
        "ten hours at a dollar, then at 3.10",
        {HOUR_COST: "1x600 3.1x60"},
        step="1m",
        silent=("10h", "10h5m"),
        fires="10h6m",
        labels=DEV,
        summary="Cost in dev is 3.1 times the usual",
    ),
    Case(
        "CostSpike",
        "just three times the usual",
        {HOUR_COST: "1x600 3x60"},
        step="1m",
        silent=("10h6m", "10h30m"),
    ),
    Case(
        "CostSpike",
        "many times next to nothing",
        {HOUR_COST: "0.01x600 0.99x60"},
        step="1m",
        silent=("10h6m", "10h30m"),
    ),
    Case(
        "CostSpike",
        "the first hours of a service, whose first hour was not whole",
        {HOUR_COST: "0+0.2x60 12x250"},
        step="1m",
        silent=("1h30m", "2h", "3h", "5h"),
    ),
    Case(
        "CostSpike",
        "a day of nothing, then two dollars an hour",
        {HOUR_COST: "0x1500 2x60"},
        step="1m",
        silent=("25h",),
        fires="25h6m",
        labels=DEV,
        summary="Cost in dev is 200.0 times the usual",
    ),
    Case(
        "DailyCostHigh",
        "more than 100 dollars, at 7.50 an hour",
        cost("0+0.125x900"),
        step="1m",
        silent=("13h20m", "13h25m"),
        fires="13h26m",
        labels=DEV,
        summary="24 hours in dev cost $100.75",
    ),
    Case(
        "DailyCostHigh",
        "99 dollars at the start of the day, then nothing",
        cost("0 99x1500"),
        step="1m",
        silent=("10m", "12h", "24h30m"),
    ),
    Case(
        "HighAPICosts",
        "15 dollars an hour, seen after 4 minutes",
        cost("0+0.0625x60"),
        silent=("8m",),
        fires="9m",
        labels=DEV,
        summary="dev spends $15.00 an hour",
    ),
    Case(
        "HighAPICosts",
        "7.50 dollars an hour",
        cost("0+0.03125x100"),
        silent=("10m", "20m"),
    ),
    Case(
        "HighAPICosts",
        "one dear request and then none",
        cost("0x10 5x100"),
        silent=("5m", "8m", "20m"),
    ),
    Case(
        "TokensPerHourHigh",
        "input and output together, at 2,000 a minute",
        tokens("0+1000x100", "0+1000x100"),
        step="1m",
        silent=("50m", "55m"),
        fires="56m",
        labels=DEV,
        summary="dev used 112k tokens in an hour",
    ),
    Case(
        "TokensPerHourHigh",
        "embeddings, which have no output",
        tokens("0+2000x100"),
        step="1m",
        silent=("50m", "55m"),
        fires="56m",
        labels=DEV,
        summary="dev used 112k tokens in an hour",
    ),
    Case(
        "TokensPerHourHigh",
        "96,000 an hour",
        tokens("0+800x200", "0+800x200"),
        step="1m",
        silent=("1h10m", "3h"),
    ),
    Case(
        "UnpricedModel",
        "the first inference, which is the first sample of its counter",
        pushed("gaugeway_unpriced_operations_total", "_x20 1x400", **MODEL),
        silent=("4m", "1h5m"),
        fires="5m",
        labels={**DEV, **MODEL},
        summary="No price is known for gpt-4o of openai in dev",
        description="Inferences without a cost in the last hour: 1. They are missing from every "
        "sum, and no budget in USD counts them.",
    ),
    Case(
        "UnpricedModel",
        "one long ago, whose counter comes back after an outage of the telemetry",
        pushed("gaugeway_unpriced_operations_total", "1x300 _x40 1x100", **MODEL),
        silent=("1h15m", "1h25m", "1h30m"),
    ),
)
