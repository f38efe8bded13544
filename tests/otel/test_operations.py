"""One operation of an application: its span, its duration, its error, in all kinds of functions."""

from collections.abc import AsyncGenerator, Generator, Iterator
from decimal import Decimal

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from otel import names, operation
from otel.testing import Recorded, recorded


@pytest.fixture
def telemetry() -> Iterator[Recorded]:
    with recorded(install=True) as telemetry:
        yield telemetry


def _span_id() -> int:
    return trace.get_current_span().get_span_context().span_id


def test_a_block_is_one_span_and_one_duration(telemetry: Recorded) -> None:
    with operation("rank", attributes={"documents": 3}) as running:
        running.cost(Decimal("0.00002"), source="book")
    (span,) = telemetry.spans("rank")
    assert span.attributes is not None
    assert span.attributes["documents"] == 3
    assert span.attributes["gaugeway.cost"] == "0.00002"
    assert telemetry.value(names.APP_OPERATION_DURATION, gaugeway_operation_name="rank") == 1


def test_an_error_is_recorded_and_raised_on(telemetry: Recorded) -> None:
    with pytest.raises(ValueError, match="gw_"), operation("rank"):
        raise ValueError("no such key gw_abcdefgh12345")
    (span,) = telemetry.spans("rank")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "no such key gw_[REDACTED]"
    assert telemetry.value(names.APP_OPERATION_DURATION, error_type="ValueError") == 1


async def test_an_async_block_is_one_span(telemetry: Recorded) -> None:
    async with operation("rank"):
        assert _span_id() != 0
    assert len(telemetry.spans("rank")) == 1


def test_a_function_is_recorded_a_call(telemetry: Recorded) -> None:
    @operation("rank")
    def rank(depth: int) -> int:
        return rank(depth - 1) + 1 if depth else 0

    assert rank(2) == 2
    assert len(telemetry.spans("rank")) == 3


async def test_a_coroutine_function_is_recorded_a_call(telemetry: Recorded) -> None:
    @operation("rank")
    async def rank() -> int:
        return _span_id()

    inside = await rank()
    assert inside == telemetry.spans("rank")[0].get_span_context().span_id  # pyright: ignore[reportOptionalMemberAccess]


def test_a_generator_lasts_until_it_is_exhausted(telemetry: Recorded) -> None:
    @operation("stream")
    def stream() -> Generator[int, str, str]:
        answer = yield _span_id()
        assert answer == "more"
        yield _span_id()
        return "done"

    running = stream()
    first = next(running)
    assert _span_id() == 0, "the span must not be current in the caller"
    assert running.send("more") == first != 0
    assert telemetry.spans("stream") == []
    with pytest.raises(StopIteration) as stop:
        next(running)
    assert stop.value.value == "done"
    assert len(telemetry.spans("stream")) == 1


def test_an_error_thrown_into_a_generator_reaches_it(telemetry: Recorded) -> None:
    handled: list[str] = []

    @operation("stream")
    def stream() -> Generator[int]:
        try:
            yield 1
        except KeyError as error:
            handled.append(str(error))
        yield 2

    running = stream()
    next(running)
    assert running.throw(KeyError("x")) == 2
    running.close()
    assert handled == ["'x'"]
    assert len(telemetry.spans("stream")) == 1


async def test_an_async_generator_that_is_closed_early_ends_once(telemetry: Recorded) -> None:
    closed: list[int] = []

    @operation("stream")
    async def stream() -> AsyncGenerator[int]:
        try:
            yield _span_id()
            yield 2
        finally:
            closed.append(_span_id())

    running = stream()
    async for item in running:
        assert item != 0
        assert _span_id() == 0
        break
    await running.aclose()
    (span,) = telemetry.spans("stream")
    assert span.context is not None
    assert closed == [span.context.span_id]
    assert span.status.status_code is StatusCode.UNSET


async def test_an_async_generator_that_fails_is_recorded_as_failed(telemetry: Recorded) -> None:
    @operation("stream")
    async def stream() -> AsyncGenerator[int]:
        yield 1
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError):
        async for _ in stream():
            pass
    assert telemetry.spans("stream")[0].status.description == "cut"
