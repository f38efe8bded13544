from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import genai_prices
import pytest

from service.price_book import PriceBook
from service.price_difference import difference
from service.price_list import PriceList
from service.price_snapshots import SnapshotError, read_book
from service.pricing import Priced, Pricing
from service.tokens import Usage
from tests.cli.conftest import Gaugeway

SOURCE = Path(genai_prices.__file__).with_name("data.py")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "prices.yaml"
    path.write_text(
        "models:\n"
        "  - {provider: vllm, model: llama-3.3-70b, prices: {input: 0.1, output: 0.4}}\n"
        "  - {provider: openai, model: gpt-4o, prices: {input: 5, output: 5}, from: 2026-12-01}\n"
        "discounts: [{provider: groq, percent: 10, from: 2027-01-01}]\n"
    )
    return path


def wheel(path: Path, source: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("genai_prices/data.py", source)
        archive.writestr("genai_prices/__init__.py", "raise RuntimeError('never run')")
    return path


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The installed book with one price raised, one model gone and one new."""
    source = SOURCE.read_text()
    raised = "prices=ModelPrice(input_mtok=Decimal('0.02')),"
    assert raised in source
    source = source.replace(raised, "prices=ModelPrice(input_mtok=Decimal('0.03')),", 1)
    source = source.replace("id='gemma-7b-it'", "id='gemma-8b-it'", 1).replace(
        "equals='gemma-7b-it'", "equals='gemma-8b-it'", 1
    )
    return wheel(tmp_path / "genai_prices-9-py3-none-any.whl", source)


def test_the_list_shows_a_providers_models(gaugeway: Gaugeway) -> None:
    ran = gaugeway("prices", "list", "--provider", "anthropic")
    assert ran.code == 0
    assert "claude-haiku-4-5" in ran.out
    assert "gpt-4o" not in ran.out


def test_the_list_in_json_is_the_whole_book_with_the_operators_models_first(
    gaugeway: Gaugeway, own: Path
) -> None:
    document = json.loads(gaugeway("prices", "list", "--prices", str(own), "--json").out)
    assert len(document["models"]) > 2_000
    first = document["models"][0]
    assert (first["provider"], first["model"]) == ("vllm", "llama-3.3-70b")
    assert {"kind": "input_tokens", "per": 1_000_000, "usd": "0.1", "above": {}} in first["prices"]


def test_the_list_is_of_a_day(gaugeway: Gaugeway, own: Path) -> None:
    for day, price in (("2026-11-30", "2.5"), ("2026-12-01", "5")):
        ran = gaugeway("prices", "find", "gpt-4o", "--at", day, "--prices", str(own), "--json")
        found = {model["model"]: model["prices"] for model in json.loads(ran.out)["models"]}
        assert found["gpt-4o"][0]["usd"] == price


def test_a_model_is_found_by_part_of_its_name_and_by_what_a_provider_calls_it(
    gaugeway: Gaugeway,
) -> None:
    assert "claude-haiku-4-5" in gaugeway("prices", "find", "haiku-4").out
    assert "claude-haiku-4-5" in gaugeway("prices", "find", "claude-haiku-4-5-20251001").out
    ran = gaugeway("prices", "find", "no-such-model")
    assert ran.code == 1
    assert "gaugeway prices list" in ran.err


def test_a_price_is_explained_with_the_amount_that_is_charged(gaugeway: Gaugeway) -> None:
    arguments = ["explain", "gpt-4o", "--input-tokens", "1200", "--output-tokens", "80"]
    arguments += ["--cache-read-tokens", "1024", "--at", "2026-11-21"]
    ran = gaugeway("prices", *arguments)
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    price = Pricing().price(Priced("openai", "gpt-4o"), Usage(1200, 80, 1024), at)
    assert price is not None
    assert ran.code == 0
    assert f"${price.amount}" in ran.out
    assert price.source in ran.out
    document = json.loads(gaugeway("prices", *arguments, "--json").out)
    assert document["cost_usd"] == str(price.amount)
    assert [line["kind"] for line in document["lines"]] == ["input", "cache_read", "output"]


def test_what_is_unpriced_is_said_to_be_with_names_that_are_near(gaugeway: Gaugeway) -> None:
    ran = gaugeway("prices", "explain", "gpt-4oo", "--provider", "openai", "--input-tokens", "5")
    assert ran.code == 1
    assert "unpriced" in ran.err
    assert "gpt-4o" in ran.out
    ran = gaugeway("prices", "explain", "gpt-4o", "--provider", "nobody", "--json")
    assert ran.code == 1
    document = json.loads(ran.out)
    assert document["priced"] is False
    assert "openai gpt-4o" in document["near"]


def test_every_name_that_is_near_says_whose_it_is(gaugeway: Gaugeway) -> None:
    ran = gaugeway("prices", "explain", "llama-3.3-70b", "--provider", "vllm", "--json")
    near = json.loads(ran.out)["near"]
    named = {(entry.provider.id, entry.model.id) for entry in PriceBook()}
    assert near
    assert {tuple(name.split(" ")) for name in near} <= named


def test_a_name_that_tells_no_provider_asks_for_one(gaugeway: Gaugeway) -> None:
    ran = gaugeway("prices", "explain", "text-embedding-3-small", "--input-tokens", "5")
    assert ran.code == 1
    assert "name one with --provider" in ran.err
    assert "near: openai text-embedding-3-small" in ran.out


def test_a_price_that_a_target_states_is_explained_before_any_other(
    gaugeway: Gaugeway, tmp_path: Path
) -> None:
    """As the service charges: the target's price goes before the operator's file and the book."""
    targets, file = tmp_path / "targets.yaml", tmp_path / "prices.yaml"
    targets.write_text(
        "targets:\n"
        "  a:\n"
        "    provider: openai\n"
        "    base_url: https://api.openai.com/v1\n"
        "    api_key_env: A_KEY_THAT_IS_NOT_SET_HERE\n"
        "    models: {mini: {model: gpt-5-mini, prices: {input: '3', output: '7'}}}\n"
    )
    file.write_text("models: [{provider: openai, model: gpt-5-mini, prices: {input: 9}}]")
    files = ("--targets", str(targets), "--prices", str(file), "--json")
    for model in ("gpt-5-mini", "mini"):
        ran = gaugeway("prices", "explain", model, "--input-tokens", "1000000", *files)
        assert ran.code == 0
        document = json.loads(ran.out)
        assert (document["cost_usd"], document["source"]) == ("3", "target")
    elsewhere = ("--base-url", "https://api.openai.com/v1", "--input-tokens", "1000000")
    ran = gaugeway("prices", "explain", "gpt-5-mini", *elsewhere, *files)
    assert json.loads(ran.out)["cost_usd"] == "9"


def test_what_the_simulated_provider_costs_can_be_explained(gaugeway: Gaugeway) -> None:
    used = ("--input-tokens", "6", "--output-tokens", "47")
    ran = gaugeway("prices", "explain", "simulated", *used)
    assert ran.code == 0
    assert "$0.0000776" in ran.out
    assert "the target states its own prices" in ran.out


def test_a_bad_targets_file_is_one_message(gaugeway: Gaugeway, tmp_path: Path) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text("targets: 5")
    ran = gaugeway("prices", "explain", "gpt-5", "--targets", str(path))
    assert ran.code == 1
    assert ran.err.startswith(f"error The targets file {path}")


@pytest.mark.parametrize(
    "used",
    [
        ("--input-tokens", "10", "--cache-read-tokens", "8", "--cache-write-tokens", "8"),
        ("--output-tokens", "10", "--reasoning-tokens", "11"),
        ("--input-tokens", "10", "--input-audio-tokens", "11"),
    ],
)
def test_a_part_larger_than_the_whole_is_refused(gaugeway: Gaugeway, used: tuple[str, ...]) -> None:
    ran = gaugeway("prices", "explain", "gpt-4o", *used)
    assert ran.code == 2
    assert "which count among them" in " ".join(ran.err.replace("│", " ").split())


def test_an_amount_without_end_is_shortened_and_its_columns_stay_in_line(
    gaugeway: Gaugeway,
) -> None:
    ran = gaugeway("prices", "explain", "whisper-large-v3", "--provider", "groq", "--seconds", "3")
    products = [line for line in ran.out.splitlines() if " = " in line]
    assert len(products) == 2
    assert len({line.index(" = ") for line in products}) == 1
    assert all("= 0.00030833333333333333… " in line for line in products)
    assert "$0.000308333333 " in ran.out


def test_names_are_whole_where_the_terminal_has_room(
    gaugeway: Gaugeway, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "meta-llama/llama-4-maverick-17b-128e-instruct"
    monkeypatch.setenv("COLUMNS", "140")
    wide = gaugeway("prices", "list", "--provider", "groq").out
    assert name in wide
    monkeypatch.setenv("COLUMNS", "80")
    narrow = gaugeway("prices", "list", "--provider", "groq").out
    assert name not in narrow
    assert max(map(len, narrow.splitlines())) <= max(map(len, wide.splitlines()))


@pytest.mark.parametrize("columns", ["40", "80"])
def test_names_stay_where_the_terminal_is_too_narrow_for_all_columns(
    gaugeway: Gaugeway, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = gaugeway("prices", "list").out.splitlines()
    names = {line.split()[1] for line in lines if line.startswith("anthropic ")}
    assert {"claude-haiku-4-5", "claude-opus-4-5"} <= names


def test_a_price_without_end_is_shortened_for_people_and_whole_for_programs(
    gaugeway: Gaugeway, tmp_path: Path
) -> None:
    path = tmp_path / "long.yaml"
    path.write_text("models: [{provider: own, model: m, prices: {input: '0.0416666666666'}}]")
    asked = ("prices", "list", "--provider", "own", "--prices", str(path))
    assert "0.041666… " in gaugeway(*asked).out
    assert "0.0416666666666" in gaugeway(*asked, "--json").out


def test_a_provider_without_models_says_so(gaugeway: Gaugeway) -> None:
    ran = gaugeway("prices", "list", "--provider", "opnai")
    assert ran.code == 1
    assert "'opnai'" in ran.err


def test_a_model_priced_by_other_things_is_unpriced_for_tokens(gaugeway: Gaugeway) -> None:
    ran = gaugeway("prices", "explain", "whisper-1", "--input-tokens", "5")
    assert ran.code == 1
    assert "audio_seconds" in ran.err
    assert "$0.009" in gaugeway("prices", "explain", "whisper-1", "--seconds", "90").out


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "gpt-4o", "--at", "yesterday"),
        ("explain", "gpt-4o", "--seconds", "-3"),
        ("explain", "gpt-4o", "--seconds", "many"),
        ("explain", "gpt-4o", "--input-tokens", "-1"),
    ],
)
def test_an_argument_that_makes_no_sense_is_refused(
    gaugeway: Gaugeway, arguments: tuple[str, ...]
) -> None:
    assert gaugeway("prices", *arguments).code == 2


def test_a_bad_price_file_is_one_message(gaugeway: Gaugeway, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("models: [{provider: a, model: b}]")
    for command in (("list", "--prices", str(bad)), ("diff", str(bad))):
        ran = gaugeway("prices", *command)
        assert ran.code == 1
        assert "models.0 (a b).prices" in ran.err.replace("\n", "")


def test_the_difference_to_a_newer_book_names_what_appears_vanishes_and_changes(
    gaugeway: Gaugeway, newer: Path
) -> None:
    document = json.loads(gaugeway("prices", "diff", str(newer), "--json").out)
    assert document["appeared"] == [{"provider": "groq", "model": "gemma-8b-it"}]
    assert document["vanished"] == [{"provider": "groq", "model": "gemma-7b-it"}]
    (change,) = document["changes"]
    assert (change["kind"], change["percent"], change["from"]) == ("input_tokens", 50.0, None)
    shown = gaugeway("prices", "diff", str(newer)).out
    assert "+ groq/gemma-8b-it" in shown
    assert "- groq/gemma-7b-it" in shown
    assert "+50.0 %" in shown


def test_the_difference_an_operators_file_makes_has_its_days(gaugeway: Gaugeway, own: Path) -> None:
    document = json.loads(gaugeway("prices", "diff", str(own), "--json").out)
    assert document["appeared"] == [{"provider": "vllm", "model": "llama-3.3-70b"}]
    changes = [
        change
        for change in document["changes"]
        if (change["provider"], change["model"], change["mode"]) == ("openai", "gpt-4o", "")
    ]
    found = {c["kind"]: (c["before_usd"], c["after_usd"], c["percent"], c["from"]) for c in changes}
    assert found["input_tokens"] == ("2.5", "5", 100.0, "2026-12-01")
    assert found["output_tokens"] == ("10", "5", -50.0, "2026-12-01")
    groq = [change for change in document["changes"] if change["provider"] == "groq"]
    assert groq
    assert {(change["percent"], change["from"]) for change in groq} == {(-10.0, "2027-01-01")}


def test_a_book_does_not_differ_from_itself(tmp_path: Path) -> None:
    path = wheel(tmp_path / "genai_prices-0-py3-none-any.whl", SOURCE.read_text())
    same = difference(PriceList(PriceBook()), PriceList(read_book(path)))
    assert (same.appeared, same.vanished, same.changes) == ((), (), ())


def test_a_data_file_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    model = {"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": 0.1}}
    provider = {"id": "p", "name": "P", "api_pattern": "x", "models": [model]}
    path.write_text(json.dumps([provider]))
    price = Pricing(PriceList(read_book(path))).price(
        Priced("p", "m"), Usage(10, 0), datetime(2026, 11, 21, tzinfo=UTC)
    )
    assert price is not None
    assert str(price.amount) == "0.000001"


@pytest.mark.parametrize(
    "source",
    [
        "providers: list[Provider] = [__import__('os').system('true')]",
        "providers: list[Provider] = [Provider(id=open('/etc/passwd').read())]",
        "providers: list[Provider] = [x for x in ()]",
        "import os",
        "providers: list[Provider] = [",
    ],
)
def test_nothing_in_a_package_is_run(tmp_path: Path, source: str) -> None:
    with pytest.raises(SnapshotError):
        read_book(wheel(tmp_path / "bad.whl", source))


@pytest.mark.parametrize("name", ["none.whl", "none.tar.gz", "none.json", "hosts"])
def test_a_file_that_is_no_price_book_says_so(
    gaugeway: Gaugeway, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"\x00\x01 nothing")
    for path in (tmp_path / name, tmp_path / f"absent-{name}"):
        ran = gaugeway("prices", "diff", str(path))
        assert ran.code == 1
        assert str(path) in ran.err.replace("\n", "")
