"""`gaugeway prices`: what models cost, what changes, and how a price comes about."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import show_error

prices = typer.Typer(
    help="Look prices up, see what a newer price book changes, follow one price step by step.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
OwnPrices = Annotated[
    Path | None,
    typer.Option(
        "--prices",
        metavar="FILE",
        envvar="GAUGEWAY_PRICES",
        show_envvar=True,
        show_default=False,
        help="The operator's own prices.",
    ),
]
TargetsFile = Annotated[
    Path | None,
    typer.Option(
        "--targets",
        metavar="FILE",
        envvar="GAUGEWAY_TARGETS",
        show_envvar=True,
        show_default=False,
        help="Where targets state prices of their own; by default the file that ships.",
    ),
]
Day = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="DAY",
        show_default=False,
        help="The day or moment in UTC, such as 2026-11-21 or 2026-11-21T08:30; by default now.",
    ),
]
Provider = Annotated[
    str | None,
    typer.Option(metavar="NAME", show_default=False, help="Whose models, such as openai."),
]


def _count(meaning: str) -> Any:
    return typer.Option(min=0, help=meaning, rich_help_panel="What was used")


@prices.command(name="list")
def list_prices(
    *, provider: Provider = None, at: Day = None, own: OwnPrices = None, as_json: Json = False
) -> None:
    """Show what each model costs: USD per million tokens, other kinds by their names.

    Exits with 1 when there is none.
    """
    from cli.price_tables import moment, price_list, show_models

    if not show_models(price_list(own), moment(at), provider=provider, as_json=as_json):
        show_error(f"no price is known of provider {provider!r}; see `gaugeway prices list`")
        raise typer.Exit(1)


@prices.command()
def find(
    text: Annotated[str, typer.Argument(help="Part of a model's name, or one a provider uses.")],
    *,
    provider: Provider = None,
    at: Day = None,
    own: OwnPrices = None,
    as_json: Json = False,
) -> None:
    """Show the models whose names hold a text, or that the text is a name of.

    Exits with 1 when there is none.
    """
    from cli.price_tables import moment, price_list, show_models

    shown = show_models(price_list(own), moment(at), provider=provider, text=text, as_json=as_json)
    if not shown:
        show_error(f"no model's name holds {text!r}; see `gaugeway prices list`")
        raise typer.Exit(1)


@prices.command()
def diff(
    newer: Annotated[
        Path,
        typer.Argument(
            help="A wheel, a source distribution or a data file (.json) of genai-prices, or a "
            "price file (.yaml)."
        ),
    ],
    *,
    older: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="What to compare with, as NEWER; by default the price book that is installed.",
        ),
    ] = None,
    provider: Provider = None,
    as_json: Json = False,
) -> None:
    """Show which models appear, vanish or change their price: from when, and by how much.

    Nothing of a package is installed or run.
    """
    from cli.price_tables import any_list, show_difference

    show_difference(any_list(older), any_list(newer), provider=provider, as_json=as_json)


@prices.command()
def explain(
    model: Annotated[str, typer.Argument(help="The model, by the provider's name for it.")],
    *,
    provider: Provider = None,
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", show_default=False, help="The address that serves it."),
    ] = None,
    input_tokens: Annotated[int, _count("All of them, cached ones too.")] = 0,
    output_tokens: Annotated[int, _count("All of them, reasoning too.")] = 0,
    cache_read_tokens: Annotated[int, _count("Of the input.")] = 0,
    cache_write_tokens: Annotated[int, _count("Of the input.")] = 0,
    cache_write_1h_tokens: Annotated[int, _count("Of those, kept for an hour.")] = 0,
    reasoning_tokens: Annotated[int, _count("Of the output.")] = 0,
    input_audio_tokens: Annotated[int, _count("Of the input.")] = 0,
    output_audio_tokens: Annotated[int, _count("Of the output.")] = 0,
    input_image_tokens: Annotated[int, _count("Of the input.")] = 0,
    output_image_tokens: Annotated[int, _count("Of the output.")] = 0,
    characters: Annotated[int, _count("Of text to be spoken.")] = 0,
    seconds: Annotated[str, typer.Option(help="Of audio.", rich_help_panel="What was used")] = "0",
    service_tier: Annotated[
        str | None, typer.Option(metavar="TIER", show_default=False, help="Such as flex.")
    ] = None,
    batch: Annotated[bool, typer.Option("--batch", help="Asked for in a batch.")] = False,
    at: Day = None,
    own: OwnPrices = None,
    targets: TargetsFile = None,
    as_json: Json = False,
) -> None:
    """Show step by step what one usage costs: the entry, the day's prices, each product, the sum.

    Exits with 1 when no price is known.
    """
    from cli.price_explain import show_explanation
    from cli.price_tables import moment, price_list
    from cli.target_prices import prices_of_targets
    from service.pricing import Priced
    from service.tokens import Usage

    _inside("--input-tokens", input_tokens, "cached", cache_read_tokens + cache_write_tokens)
    _inside("--input-tokens", input_tokens, "audio", input_audio_tokens)
    _inside("--input-tokens", input_tokens, "image", input_image_tokens)
    _inside("--output-tokens", output_tokens, "reasoning", reasoning_tokens)
    _inside("--output-tokens", output_tokens, "audio", output_audio_tokens)
    _inside("--output-tokens", output_tokens, "image", output_image_tokens)
    usage = Usage(
        input_tokens,
        output_tokens,
        cache_read_tokens=cache_read_tokens,
        cache_write_tokens=max(cache_write_tokens, cache_write_1h_tokens),
        cache_write_1h_tokens=cache_write_1h_tokens,
        reasoning_tokens=reasoning_tokens,
        input_audio_tokens=input_audio_tokens,
        output_audio_tokens=output_audio_tokens,
        input_image_tokens=input_image_tokens,
        output_image_tokens=output_image_tokens,
        characters=characters,
        seconds=_seconds(seconds),
    )
    prices = price_list(own)
    stated = prices_of_targets(targets, base_url)
    named = next((whose for whose, name in stated if name == model), "")
    whose = provider or prices.book.maker(model) or named
    what = Priced(whose, model, base_url, service_tier, stated.get((whose, model)), batch)
    if not show_explanation(prices, what, usage, moment(at), as_json=as_json):
        raise typer.Exit(1)


def _inside(option: str, all_of_them: int, kind: str, part: int) -> None:
    if part > all_of_them:
        raise typer.BadParameter(
            f"{all_of_them:,} are fewer than the {part:,} {kind} ones, which count among them",
            param_hint=option,
        )


def _seconds(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except ArithmeticError:
        found = Decimal(-1)
    if not 0 <= found <= 10**9:
        raise typer.BadParameter(f"{text!r} is no number of seconds", param_hint="--seconds")
    return found
