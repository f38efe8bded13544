"""One request in, one answer or one stream out; one inference recorded for each target tried.

Retries of a target are inside its inference, a fallback starts a new one, and a cache hit has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from otel import attributes as names
from otel.instruments import Instruments
from service.accounts import Account, Accounts, Reroute, cost_of
from service.aside import aside_if
from service.bill import NOTHING
from service.cache import CachedAnswer, ResponseCache, cache_key
from service.errors import ProviderError, ServiceError
from service.exchange import Answer, CacheResult, ModelRequest
from service.inferences import Inferences
from service.interruption import InFlight, Interruption
from service.progress import CacheUse, Progress
from service.routing import check_fields, falls_back, plan
from service.settlement import outcome_of
from service.streaming import AnswerStream, ReplayedStream
from service.targets import Target, Targets

T = TypeVar("T")


class Gateway:
    """Serves requests for models from the targets it was given."""

    def __init__(
        self,
        *,
        targets: Targets,
        inferences: Inferences,
        accounts: Accounts,
        cache: ResponseCache,
        in_flight: InFlight,
        instruments: Instruments,
    ) -> None:
        self._targets = targets
        self._inferences = inferences
        self._accounts = accounts
        self._cache = cache
        self._in_flight = in_flight
        self._instruments = instruments

    async def complete(self, request: ModelRequest) -> Answer:
        """Answer as a whole. Raises `ServiceError`."""
        ways = self._ways(request, request.model)
        account = self._accounts.open(request, ways[0])
        with account.billing_errors(), self._in_flight.track(request.deadline) as interruption:
            use = await self._cache_use(request)
            cached = await self._cached(request, use, stream=False)
            if cached is not None:
                account.hit(cached)
                await account.settled()
                return Answer(cached.parts[0], NOTHING, "hit")
            progress = Progress(request, account, interruption, use)
            answer = await self._first(progress, ways, self._inferences.complete)
            # The answer is there and paid for: nothing may take it from the caller now.
            interruption.close()
            account.close("completed", bill=answer.bill)
            lease = await account.settled()
            if use.key is not None:
                bill = answer.bill
                kept = CachedAnswer((answer.encoded,), False, bill.tokens, cost_of(bill))
                await self._cache.keep(use.key, kept, max_age=use.max_age)
            return replace(answer, lease=lease)

    async def stream(
        self, request: ModelRequest, *, began: Callable[[Interruption], None] | None = None
    ) -> AnswerStream:
        """Open a stream: its first chunk has come. Raises `ServiceError`.

        Nothing has been sent to the client until then, so another target may take over. The
        request stays under way until the stream is read to its end or closed. `began` is given
        the means to interrupt it from now on, while the first chunk is still awaited.
        """
        ways = self._ways(request, request.model)
        account = self._accounts.open(request, ways[0])
        interruption = self._in_flight.start(request.deadline)
        if began is not None:
            began(interruption)
        with account.billing_errors():
            try:
                return await self._opened(request, account, interruption, ways)
            except asyncio.CancelledError:
                ours = interruption.caught()
                interruption.close()
                if not ours:
                    raise
                raise interruption.error() from None
            except BaseException:
                interruption.close()
                raise

    async def _opened(
        self,
        request: ModelRequest,
        account: Account,
        interruption: Interruption,
        ways: tuple[Target, ...],
    ) -> AnswerStream:
        use = await self._cache_use(request)
        cached = await self._cached(request, use, stream=True)
        if cached is not None:
            account.hit(cached)
            await account.settled()
            return ReplayedStream(cached.parts, interruption)
        progress = Progress(request, account, interruption, use)
        stream = await self._first(progress, ways, self._inferences.open)
        stream.keep_in(self._cache)
        return stream

    def _ways(self, request: ModelRequest, model: str) -> tuple[Target, ...]:
        """The targets to try for a model. Raises `ModelNotFound`, `InvalidRequest`."""
        ways = plan(model, self._targets, operation=request.operation)
        check_fields(request.body, ways)
        return ways

    async def _first(
        self,
        progress: Progress,
        ways: tuple[Target, ...],
        ask: Callable[[Progress, Target], Awaitable[T]],
    ) -> T:
        """What the first target answers that does; the last one's error where none does.

        An account whose request fails here is closed here.
        """
        account = progress.account
        try:
            try:
                return await self._in_order(progress, ways, ask)
            except Reroute as way:
                cheaper = self._ways(progress.request, way.model)
                return await self._in_order(progress, cheaper, ask)
        except ServiceError as error:
            await account.abort(outcome_of(error), error.error_type)
            raise
        except asyncio.CancelledError:
            reason = progress.interruption.reason or "client_disconnect"
            await account.abort(reason, reason)
            raise
        except Exception as error:
            await account.abort("provider_error", type(error).__qualname__)
            raise

    async def _in_order(
        self,
        progress: Progress,
        ways: tuple[Target, ...],
        ask: Callable[[Progress, Target], Awaitable[T]],
    ) -> T:
        account = progress.account
        for target, following in pairwise(ways):
            await account.admit(target)
            try:
                return await ask(progress, target)
            except ProviderError as error:
                if not falls_back(error):
                    raise
                self._count_fallback(target, following, error)
        await account.admit(ways[-1])
        return await ask(progress, ways[-1])

    async def _cache_use(self, request: ModelRequest) -> CacheUse:
        if request.cache.mode == "bypass":
            return CacheUse("bypass")
        max_age = self._cache.accepted_age(request.cache)
        # A simulated fault is asked for by a header, which is not in the key.
        if max_age is None or request.simulate is not None:
            return CacheUse("off")
        key = await aside_if(
            request.weight.heavy,
            cache_key,
            request.app,
            request.operation,
            request.body,
            request.weight,
        )
        return CacheUse("miss", key, max_age)

    async def _cached(
        self, request: ModelRequest, use: CacheUse, *, stream: bool
    ) -> CachedAnswer | None:
        found = None
        if use.key is not None:
            found = await self._cache.find(use.key, max_age=use.max_age)
            found = found if found is not None and found.stream == stream else None
        if use.result != "off":
            result: CacheResult = use.result if found is None else "hit"
            labels: dict[str, str | int | None] = {
                names.CACHE_RESULT: result,
                names.APP: request.app,
            }
            self._instruments.cache_requests.add(1, labels)
        return found

    def _count_fallback(self, failed: Target, following: Target, error: ProviderError) -> None:
        labels: dict[str, str | int | None] = {
            names.FALLBACK_FROM: failed.name,
            names.FALLBACK_TO: following.name,
            names.ERROR_TYPE: error.error_type,
        }
        self._instruments.fallbacks.add(1, labels)
