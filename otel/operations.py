"""Records an application's own operations: one span, one duration, its errors and its cost.

As a context manager (`with operation("rank")`, `async with operation("rank")`) or as a decorator of
functions, coroutine functions, generators and async generators (`@operation("rank")`).
"""

import functools
import inspect
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from otel import attributes as a
from otel import names
from otel.instruments import shared_instruments
from otel.redaction import redact

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Running:
    """One operation under way; `end` settles it once, whatever comes later changes nothing."""

    def __init__(self, name: str, attributes: Mapping[str, AttributeValue]) -> None:
        self._name = name
        tracer = trace.get_tracer(names.SCOPE, schema_url=names.SCHEMA_URL)
        self.span: Span = tracer.start_span(
            name, attributes={a.OPERATION_LABEL: name, **attributes}
        )
        self.context: Context = trace.set_span_in_context(self.span)
        self._started = time.perf_counter()
        self._error_type: str | None = None
        self._ended = False

    def set(self, **attributes: AttributeValue) -> None:
        """Note attributes of the span."""
        self.span.set_attributes(attributes)

    def cost(self, amount: Decimal, *, source: str = "") -> None:
        """Note what the operation cost in USD, as the exact decimal; the span carries it."""
        self.span.set_attribute(a.COST, format(amount, "f"))
        if source:
            self.span.set_attribute(a.COST_SOURCE, source)

    def fail(self, error: BaseException) -> None:
        """Note the error that ended the operation; credentials in its text are hidden."""
        self._error_type = type(error).__qualname__
        self.span.set_attribute(a.ERROR_TYPE, self._error_type)
        self.span.set_status(Status(StatusCode.ERROR, redact(str(error))))

    def end(self) -> None:
        """End the span and record the duration."""
        if self._ended:
            return
        self._ended = True
        shared_instruments().app_operation_duration.record(
            time.perf_counter() - self._started,
            {a.OPERATION_LABEL: self._name, a.ERROR_TYPE: self._error_type},
            self.context,
        )
        self.span.end()

    def current(self) -> AbstractContextManager[None]:
        """Make the operation's span the current one for a block without a `yield` in it."""
        return _attached(self.context)


@contextmanager
def _attached(context: Context) -> Generator[None]:
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)


class operation:  # noqa: N801  # read as a verb phrase where it decorates
    """Records one operation each time it is entered, or each call of what it decorates.

    Blocks that run at the same time need objects of their own; a decorator serves any number.

    `name` becomes a label, so it must not be made of what callers send; `attributes` go on the
    span alone. A generator's operation lasts until it is exhausted, closed or dropped, and its
    span is current only while its body runs.
    """

    def __init__(
        self, name: str, *, attributes: Mapping[str, AttributeValue] | None = None
    ) -> None:
        self._name = name
        self._attributes = attributes or {}
        self._entered: list[tuple[Running, AbstractContextManager[None]]] = []

    def start(self) -> Running:
        """Start the operation by hand; the caller must call `end`."""
        return Running(self._name, self._attributes)

    def __enter__(self) -> Running:
        running = self.start()
        attached = running.current()
        attached.__enter__()
        self._entered.append((running, attached))
        return running

    def __exit__(
        self,
        error_class: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        running, attached = self._entered.pop()
        attached.__exit__(None, None, None)
        if error is not None:
            running.fail(error)
        running.end()

    async def __aenter__(self) -> Running:
        return self.__enter__()

    async def __aexit__(
        self,
        error_class: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(error_class, error, traceback)

    def __call__(self, function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        """Decorate a function of any of the four kinds."""
        if inspect.isasyncgenfunction(function):
            wrapper: Any = self._async_generator(cast(Any, function))
        elif inspect.isgeneratorfunction(function):
            wrapper = self._generator(cast(Any, function))
        elif inspect.iscoroutinefunction(function):
            wrapper = self._coroutine(cast(Any, function))
        else:
            wrapper = self._function(cast(Any, function))
        return functools.wraps(function)(wrapper)

    def _fresh(self) -> "operation":
        # One decorator serves many calls at a time; each needs a state of its own.
        return operation(self._name, attributes=self._attributes)

    def _function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return call

    def _coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return await function(*args, **kwargs)

        return call

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            running = self.start()
            body: Generator[Any, Any, Any] = function(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(body.send, None)
            try:
                while True:
                    with running.current():
                        try:
                            item = step()
                        except StopIteration as stop:
                            return stop.value
                    try:
                        step = functools.partial(body.send, (yield item))
                    except Exception as thrown:  # into the generator, which may handle it
                        step = functools.partial(body.throw, thrown)
            except Exception as error:
                running.fail(error)
                raise
            finally:
                with running.current():
                    body.close()
                running.end()

        return call

    def _async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            running = self.start()
            body: AsyncGenerator[Any, Any] = function(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(body.asend, None)
            try:
                while True:
                    with running.current():
                        try:
                            item = await step()
                        except StopAsyncIteration:
                            return
                    try:
                        step = functools.partial(body.asend, (yield item))
                    except Exception as thrown:  # into the generator, which may handle it
                        step = functools.partial(body.athrow, thrown)
            except Exception as error:
                running.fail(error)
                raise
            finally:
                with running.current():
                    await body.aclose()
                running.end()

        return call
