"""The parts of one running service, built in order at start and closed in reverse at the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from otel.inference import Telemetry
from service.access.operators import open_operators
from service.accounts import BudgetsPort, LedgerPort
from service.attempts import Attempts
from service.background import BackgroundTask
from service.books import open_books
from service.cache import CacheLimits, RedisCacheStore, ResponseCache
from service.collector_health import takes_exports
from service.dependencies import Dependency, DependencyMonitor, reachable
from service.dev_keys import DEV_ADMIN_KEY, DEV_KEY, ensure_dev_key
from service.file_watch import FileWatch
from service.gateway import Gateway
from service.headroom import Headroom
from service.inferences import Inferences
from service.interruption import InFlight
from service.keys import KeyStore
from service.price_watch import PriceFileWatch
from service.pricing import Pricing
from service.providers.protocol import Provider
from service.providers.registry import build_providers
from service.providers.transport import Transport, open_transport
from service.redis_embedded import EmbeddedRedis, EmbeddedRedisError
from service.redis_health import RedisHealth
from service.redis_store import RedisStore
from service.settings import Settings
from service.settlement import Settlement
from service.targets import Targets
from service.users import UserHashes, user_hash_key

logger = logging.getLogger(__name__)

KEYS_REFRESH_SECONDS = 1.0


def _wall_clock() -> datetime:
    return datetime.now(UTC)


def _registered(targets: Targets, transport: Transport) -> Mapping[str, Provider]:
    return build_providers(targets, transport=transport)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a test or another application may replace."""

    transport: Callable[[], Transport] = open_transport
    providers: Callable[[Targets, Transport], Mapping[str, Provider]] = _registered
    attempts: Attempts = field(default_factory=Attempts)
    now: Callable[[], datetime] = _wall_clock
    ledger: LedgerPort | None = None
    budgets: BudgetsPort | None = None


class Runtime:
    """Everything requests need. The network is touched between `start` and `stop` only."""

    def __init__(
        self, settings: Settings, targets: Targets, telemetry: Telemetry, parts: Parts
    ) -> None:
        self.settings = settings
        self.targets = targets
        self.telemetry = telemetry
        self.keys = KeyStore(settings.home)
        self.components = frozenset(settings.components)
        self._parts = parts
        self._stack = AsyncExitStack()
        self._pricing = Pricing()
        self._background: list[BackgroundTask] = []
        self._started = False
        self._started_at: float | None = None
        self.in_flight = InFlight()

    @property
    def ready(self) -> bool:
        """Whether requests are served: started, and not stopping."""
        return self._started and not self.in_flight.stopping

    @property
    def background(self) -> tuple[BackgroundTask, ...]:
        """What goes on beside requests; empty before the start."""
        if not self._started:
            return ()
        return (*self._background, *self.books.background)

    @property
    def uptime_seconds(self) -> float:
        """How long requests have been served; 0 before."""
        return 0.0 if self._started_at is None else time.monotonic() - self._started_at

    async def start(self) -> None:
        """Open connections and begin to watch. Raises what keeps the service from starting."""
        await asyncio.to_thread(self._prepare_keys)
        transport = self._parts.transport()
        self._stack.push_async_callback(transport.close)
        providers = self._parts.providers(self.targets, transport)
        redis = await self._open_redis()
        health = await self._open_redis_health(redis)
        self.operators = await open_operators(
            self.settings.home,
            self.keys,
            redis,
            session_hours=self.settings.session_hours,
            instruments=self.telemetry.instruments,
        )
        self.operators.ended.task.start()
        self._stack.push_async_callback(self.operators.ended.close)
        self._background.append(self.operators.ended.task)
        settlement = await self._open_pricing()
        self.books = await open_books(
            self.settings,
            redis_url=self._redis_url,
            targets=self.targets,
            settlement=settlement,
            instruments=self.telemetry.instruments,
            now=self._parts.now,
            stack=self._stack,
            ledger_port=self._parts.ledger,
            budgets_port=self._parts.budgets,
        )
        self.gateway = self._gateway(providers, settlement, redis)
        self._start_monitors(providers, health)
        await self._watch_keys()
        self._started_at = time.monotonic()
        self._started = True

    async def _open_pricing(self) -> Settlement:
        """Price by the book, and by the operator's file where one is named."""
        settings = self.settings
        if settings.prices is not None:
            prices = PriceFileWatch(
                settings.prices, self._pricing.use_file, instruments=self.telemetry.instruments
            )
            await prices.start()
            self._stack.push_async_callback(prices.close)
            self._background.append(prices.task)
        return Settlement(self._pricing, self.targets)

    def _gateway(
        self, providers: Mapping[str, Provider], settlement: Settlement, redis: RedisStore
    ) -> Gateway:
        settings = self.settings
        headroom = Headroom(self.telemetry.instruments)
        headroom.register()
        limits = CacheLimits(
            settings.cache_ttl_seconds,
            settings.cache_max_age_seconds,
            settings.cache_max_entry_bytes,
            settings.cache_max_entries,
            settings.cache_max_bytes,
        )
        return Gateway(
            targets=self.targets,
            accounts=self.books.accounts,
            inferences=Inferences(
                providers=providers,
                settlement=settlement,
                telemetry=self.telemetry,
                attempts=self._parts.attempts,
                headroom=headroom,
            ),
            cache=ResponseCache(RedisCacheStore(redis), limits),
            in_flight=self.in_flight,
            instruments=self.telemetry.instruments,
        )

    def _start_monitors(self, providers: Mapping[str, Provider], health: RedisHealth) -> None:
        settings = self.settings
        reach = reachable(settings.otlp_endpoint, authority=settings.otlp_certificate)
        every = settings.target_check_interval_seconds
        self.dependencies = self._monitor(
            Dependency("redis", health.check),
            Dependency("collector", takes_exports(reach)),
            *(
                Dependency(f"target:{name}", provider.check, every)
                for name, provider in providers.items()
            ),
        )
        # Requests can do without these: they tell of the stack's health, never of this service's.
        self.backends = self._monitor(
            *(
                Dependency(name, reachable(url), settings.backend_check_interval_seconds)
                for name, url in settings.backends.items()
            )
        )

    def _monitor(self, *dependencies: Dependency) -> DependencyMonitor:
        monitor = DependencyMonitor(
            dependencies,
            interval=self.settings.check_interval_seconds,
            timeout=self.settings.check_timeout_seconds,
            instruments=self.telemetry.instruments,
        )
        monitor.start()
        self._stack.push_async_callback(monitor.stop)
        self._background += monitor.background
        return monitor

    async def drain(self) -> None:
        """Take no new requests; end those under way when their time of grace is over."""
        await self.in_flight.stop(self.settings.shutdown_grace_seconds)

    async def stop(self) -> None:
        """End what is under way, then close everything."""
        self._started = False
        await self.in_flight.stop(0)
        await self._stack.aclose()

    def _prepare_keys(self) -> None:
        self.users = UserHashes(user_hash_key(self.settings.home, self.settings.user_hash_key_file))
        if self.settings.development:
            for which in (DEV_KEY, DEV_ADMIN_KEY):
                ensure_dev_key(self.settings.home, which)
        self.keys.refresh()

    async def _open_redis(self) -> RedisStore:
        settings = self.settings
        if settings.redis_url is not None:
            url = settings.redis_url.get_secret_value()
        else:
            url = await asyncio.to_thread(self._embed_redis)
        self._redis_url = url
        redis = RedisStore(
            url,
            timeout=settings.redis_timeout_seconds,
            pool_size=settings.redis_pool_size,
        )
        self._stack.push_async_callback(redis.close)
        return redis

    async def _open_redis_health(self, redis: RedisStore) -> RedisHealth:
        health = RedisHealth(
            self._redis_url,
            timeout=self.settings.check_timeout_seconds,
            takes_entries=lambda: self.books.ledger.available,
            failed=redis.suspect,
        )
        self._stack.push_async_callback(health.close)
        if self.settings.redis_url is not None:
            await health.refuse_cluster()
        return health

    def _embed_redis(self) -> str:
        embedded = EmbeddedRedis(self.settings.home)
        self._stack.callback(embedded.leave)
        try:
            url = embedded.start()
        except EmbeddedRedisError as error:
            # Requests can do without shared state; whoever runs the service must know.
            logger.error("Shared state is off: %s", error)  # noqa: TRY400
            return embedded.url
        logger.warning("REDIS_URL is not set: an embedded Redis serves shared state (%s)", url)
        return url

    async def _watch_keys(self) -> None:
        keys = FileWatch(
            self.keys.file,
            instruments=self.telemetry.instruments,
            interval=KEYS_REFRESH_SECONDS,
        )
        await keys.start()
        self._stack.push_async_callback(keys.close)
        self._background.append(keys.task)
