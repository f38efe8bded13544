"""A changed price file is taken in while the service runs; a bad one changes nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Generator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from otel import names
from otel.testing import Recorded, recorded
from service.price_file import PriceFile, PriceFileError, load_price_file
from service.price_watch import PriceFileWatch
from service.pricing import Priced, Pricing
from service.tokens import Usage

NOW = datetime(2026, 11, 21, tzinfo=UTC)
WHAT = Priced("own", "m")


def priced_at(path: Path, price: str) -> None:
    """Replace the file as editors and configuration maps do: written aside, then renamed."""
    aside = path.with_suffix(".new")
    aside.write_text(f"models: [{{provider: own, model: m, prices: {{input: {price}}}}}]")
    aside.replace(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "prices.yaml"
    priced_at(path, "1")
    return path


@pytest.fixture
def telemetry() -> Generator[Recorded]:
    with recorded() as telemetry:
        yield telemetry


@pytest.fixture
async def pricing(path: Path, telemetry: Recorded) -> AsyncGenerator[Pricing]:
    pricing = Pricing()
    watch = PriceFileWatch(
        path, pricing.use_file, instruments=telemetry.telemetry.instruments, interval=0.01
    )
    await watch.start()
    yield pricing
    await watch.close()


def cost(pricing: Pricing) -> Decimal | None:
    price = pricing.price(WHAT, Usage(1_000_000, 0), NOW)
    return price.amount if price is not None else None


async def becomes(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_the_file_is_in_force_from_the_start_and_after_each_change(
    path: Path, pricing: Pricing, telemetry: Recorded
) -> None:
    assert cost(pricing) == 1
    for price in ("2", "3.5"):
        priced_at(path, price)
        await becomes(lambda price=price: cost(pricing) == Decimal(price))
    assert reloads(telemetry, "applied") == 2


async def test_a_bad_file_leaves_the_old_one_in_force_and_says_why(
    path: Path, pricing: Pricing, telemetry: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    priced_at(path, "much")
    await becomes(lambda: reloads(telemetry, "refused") == 1)
    assert cost(pricing) == 1
    said = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "models.0 (own m).prices.input" in said[0].message
    assert "The prices read before stay in force" in said[0].message
    path.unlink()
    await becomes(lambda: reloads(telemetry, "refused") == 2)
    assert cost(pricing) == 1
    priced_at(path, "4")
    await becomes(lambda: cost(pricing) == 4)


async def test_a_bad_file_is_told_once_and_not_at_every_look(
    path: Path, telemetry: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    pricing = Pricing()
    watch = PriceFileWatch(
        path, pricing.use_file, instruments=telemetry.telemetry.instruments, interval=3600
    )
    await watch.start()
    try:
        priced_at(path, "much")
        for _ in range(3):
            await watch.look()
    finally:
        await watch.close()
    assert reloads(telemetry, "refused") == 1
    assert len(caplog.records) == 1


async def test_the_service_does_not_start_with_a_bad_file(path: Path, telemetry: Recorded) -> None:
    priced_at(path, "much")
    watch = PriceFileWatch(path, Pricing().use_file, instruments=telemetry.telemetry.instruments)
    with pytest.raises(PriceFileError, match=r"models\.0 \(own m\)"):
        await watch.start()
    await watch.close()


def reloads(telemetry: Recorded, result: str) -> float:
    labels = {"gaugeway_configuration_file": "prices", "gaugeway_configuration_result": result}
    return telemetry.value(names.CONFIGURATION_RELOADS, **labels)


async def test_a_file_that_is_written_while_it_is_read_is_read_again(
    path: Path, telemetry: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    pricing = Pricing()
    watch = PriceFileWatch(
        path, pricing.use_file, instruments=telemetry.telemetry.instruments, interval=3_600
    )
    await watch.start()

    def load_half(half: Path) -> PriceFile:
        found = load_price_file(half)
        priced_at(half, "3")
        monkeypatch.setattr("service.price_watch.load_price_file", load_price_file)
        return found

    monkeypatch.setattr("service.price_watch.load_price_file", load_half)
    path.write_text("models: []")
    await watch.look()
    assert cost(pricing) == Decimal(1)
    await watch.look()
    assert cost(pricing) == Decimal(3)
    await watch.close()
