"""The money side of one running service: ledger, budgets, and the accounts that use them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from otel.instruments import Instruments
from service.accounts import Accounts, BudgetsPort, LedgerPort, Rules
from service.background import BackgroundTask
from service.budgets.budgets import Budgets
from service.budgets.declared import DEFAULT_PATH, Declared, load_budgets
from service.budgets.file import BudgetsFile
from service.ledger.calendar import Calendar, Retention
from service.ledger.damage import Damage
from service.ledger.keeping import warn_of_losses
from service.ledger.ledger import Ledger
from service.ledger.lost_workers import LostWorkers
from service.ledger.open_requests import OpenRequest, PriceOpen
from service.ledger.presence import Presence
from service.ledger.reading import LedgerReader
from service.ledger.recording import Recorder
from service.ledger.scripts import ScriptQueue
from service.ledger.writer import Resend
from service.ledger.zone import remember_time_zone
from service.money import picodollars
from service.redis_store import RedisStore
from service.settings import Settings
from service.settlement import Settlement
from service.targets import Targets
from service.unreserved import UnreservedNotes

TIMEOUT_SECONDS = 2.0
"""Money waits longer for Redis than the response cache does before it takes it for dead."""


@dataclass(frozen=True, slots=True)
class Books:
    """What a service knows of its money. `reader` and `budgets.states` raise `StoreUnavailable`."""

    ledger: Ledger
    budgets: Budgets
    reader: LedgerReader
    accounts: Accounts
    lost_workers: LostWorkers

    @property
    def background(self) -> tuple[BackgroundTask, ...]:
        """What the money side does beside requests."""
        return (*self.budgets.background, *self.ledger.background, self.lost_workers.task)


async def open_books(
    settings: Settings,
    *,
    redis_url: str,
    targets: Targets,
    settlement: Settlement,
    instruments: Instruments,
    now: Callable[[], datetime],
    stack: AsyncExitStack,
    ledger_port: LedgerPort | None = None,
    budgets_port: BudgetsPort | None = None,
) -> Books:
    """Open everything in order; `stack` closes it in reverse. Raises `BudgetsError`.

    `ledger_port` and `budgets_port` take the place of the real ones for accounts.
    """
    calendar = _calendar(settings)
    redis = _open_store(settings, redis_url, stack)
    scripts = ScriptQueue(redis)
    stack.push_async_callback(scripts.close)
    recorder = Recorder(
        scripts,
        calendar,
        dedupe_seconds=settings.ledger_dedupe_seconds,
        damage=Damage(instruments),
    )
    ledger = _new_ledger(settings, recorder, instruments)
    # Whether others live is asked by connections of its own: it must not make budgets unasked.
    watching = _open_store(settings, redis_url, stack)
    presence = Presence(watching, ledger.writer)
    # A worker is seen to live until all that it did is in the ledger.
    stack.push_async_callback(presence.leave)
    await ledger.start()
    stack.push_async_callback(ledger.close)
    await remember_time_zone(redis, settings.time_zone)
    await warn_of_losses(redis)
    budgets = _new_budgets(settings, targets, scripts, settlement, instruments, now, ledger.writer)
    await budgets.start()
    stack.push_async_callback(budgets.close)
    unreserved = UnreservedNotes(scripts, writer=ledger.writer, facts=budgets.facts)
    lost_workers = LostWorkers(
        presence,
        redis=watching,
        recorder=recorder,
        notes=unreserved,
        price=_upper_price(targets, settlement),
        instruments=instruments,
        now=now,
    )
    await lost_workers.start()
    stack.push_async_callback(lost_workers.close)
    # What operators read is large and can be slow: it must not make requests go on unaccounted.
    readings = _open_store(settings, redis_url, stack)
    reader = LedgerReader(readings, calendar, now=now, waiting=ledger.waiting)
    accounts = Accounts(
        ledger=ledger_port or ledger,
        budgets=budgets_port or budgets,
        unreserved=unreserved,
        priced=settlement.prices,
        now=now,
        instruments=instruments,
        rules=_rules(settings),
    )
    return Books(ledger, budgets, reader, accounts, lost_workers)


def _new_ledger(settings: Settings, recorder: Recorder, instruments: Instruments) -> Ledger:
    return Ledger(
        recorder,
        home=settings.home,
        journal_max_bytes=settings.journal_max_bytes,
        memory_max_bytes=settings.ledger_memory_max_bytes,
        watchful=settings.ledger_when_unavailable == "stop",
        resend=Resend(settings.ledger_resend_seconds, settings.ledger_resend_max_bytes),
        instruments=instruments,
    )


def _new_budgets(
    settings: Settings,
    targets: Targets,
    scripts: ScriptQueue,
    settlement: Settlement,
    instruments: Instruments,
    now: Callable[[], datetime],
    writer: str,
) -> Budgets:
    return Budgets(
        file=_budgets_file(settings, targets),
        scripts=scripts,
        bound=settlement.bound,
        instruments=instruments,
        now=now,
        writer=writer,
        when_unavailable=settings.budgets_when_unavailable,
    )


def _upper_price(targets: Targets, settlement: Settlement) -> PriceOpen:
    """What a request of another worker can cost at the most, by our targets and prices."""

    def price(request: OpenRequest) -> int | None:
        ways = targets.models.get(request.asked_model, ())
        target = next((way for way in ways if way.name == request.target), None)
        if target is None:
            return None
        cost = settlement.bound(
            target,
            input_tokens=request.input_tokens,
            output_tokens=request.output_tokens,
            at=datetime.fromtimestamp(request.asked_at / 1000, UTC),
        )
        return None if cost is None else picodollars(cost)

    return price


def _open_store(settings: Settings, url: str, stack: AsyncExitStack) -> RedisStore:
    """A store, and so a breaker, of its own: what befalls the cache befalls no budget."""
    store = RedisStore(
        url,
        timeout=max(settings.redis_timeout_seconds, TIMEOUT_SECONDS),
        # One of them may be kept for a subscription.
        pool_size=max(settings.redis_pool_size, 2),
    )
    stack.push_async_callback(store.close)
    return store


def _calendar(settings: Settings) -> Calendar:
    kept = Retention(settings.ledger_hours, settings.ledger_days, settings.ledger_months)
    return Calendar(settings.time_zone, kept)


def _rules(settings: Settings) -> Rules:
    return Rules(
        refuse_unpriced=settings.unpriced == "refuse",
        stop_without_ledger=settings.ledger_when_unavailable == "stop",
    )


def _budgets_file(settings: Settings, targets: Targets) -> BudgetsFile:
    path = settings.budgets or DEFAULT_PATH

    def read() -> Declared:
        return load_budgets(
            path,
            targets=targets,
            time_zone=settings.time_zone,
            components=frozenset(settings.components),
        )

    return BudgetsFile(path, read)
