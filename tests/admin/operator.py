"""Runs the service with figures of the test's own, keys of each role, and a browser without one."""

from __future__ import annotations

import http.client
import re
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from service.api.admin.sources import Period, budgets_of, ledger_of, reader_of
from service.keys import add_key
from service.ledger.documents import (
    BudgetState,
    Day,
    Latency,
    Lost,
    Notable,
    Tokens,
    Totals,
    Usage,
)
from service.redis_store import StoreUnavailable
from tests.service.running import TARGETS, Reply, RunningService, running, settings_for

LOST = Lost(requests=4, unpriced_requests=1, cost_usd="0.000000000004")
TOTALS = Totals(
    requests=4,
    errors=1,
    cache_hits=1,
    tokens=Tokens(input=120, output=30),
    cost_usd="0.000012345678",
    saved_usd="0.000001",
    latency=Latency(
        requests=3, total_latency_ms=60.0, avg_latency_ms=20.0, p50=18.0, p95=40.0, p99=44.0
    ),
)
BUDGET = BudgetState(
    name="whole-day",
    scope="whole",
    value=None,
    window="day",
    time_zone="Europe/Berlin",
    unit="usd",
    starts_at="2026-11-21T00:00:00+01:00",
    resets_at="2026-11-22T00:00:00+01:00",
    limit="10",
    spent="0.000012345678",
    reserved="0",
    remaining="9.999987654322",
    used_percent=0.0001,
    forecast=None,
    denials=0,
    level="ok",
)


@dataclass(frozen=True, slots=True)
class FewRequests:
    """The last full minute's."""

    requests: int = 7
    errors: int = 2


@dataclass(slots=True)
class Figures:
    """Stands in for the ledger and the budgets; `away`: as if Redis did not answer."""

    away: bool = False
    pending: int = 3
    held: int = 2
    lost: int = 1
    asked_days: list[int] = field(default_factory=list[int])

    @property
    def available(self) -> bool:
        """Whether Redis takes entries."""
        return not self.away

    def _answer(self) -> None:
        if self.away:
            raise StoreUnavailable("Redis did not answer GET (timeout).")

    async def usage(self, period: Period) -> Usage:
        """What a period is said to have used."""
        self._answer()
        return Usage(
            period=period,
            time_zone="Europe/Berlin",
            start="2026-11-21T00:00:00+01:00",
            end="2026-11-21T12:00:00+01:00",
            complete=False,
            lost=LOST,
            totals=TOTALS,
            by_service={"llm": TOTALS},
            by_provider={"simulated": TOTALS},
            by_model={"simulated": TOTALS},
            by_app={"web": TOTALS},
            by_operation={"chat": TOTALS},
            by_component={},
            by_user={},
            users=0,
        )

    async def history(self, days: int) -> tuple[Day, ...]:
        """So many days that were all the same."""
        self._answer()
        self.asked_days.append(days)
        day = Day(
            date="2026-11-21",
            totals=TOTALS,
            by_service={"llm": TOTALS},
            by_model={"simulated": TOTALS},
            by_app={"web": TOTALS},
        )
        return (day,) * days

    async def hour(self, back: int = 0) -> Totals:
        """The present hour, or one before it."""
        self._answer()
        return TOTALS

    async def notable(self, limit: int) -> Notable:
        """Nothing worth looking at."""
        self._answer()
        return Notable()

    async def minute_rate(self) -> FewRequests:
        """The last full minute."""
        self._answer()
        return FewRequests()

    async def states(self) -> tuple[BudgetState, ...]:
        """One budget."""
        self._answer()
        return (BUDGET,)


@dataclass(frozen=True, slots=True)
class OperatedService:
    """A running service, its figures, and a key of the role admin."""

    running: RunningService
    figures: Figures
    admin: str

    @property
    def port(self) -> int:
        """Where it answers."""
        return self.running.port

    @property
    def app(self) -> str:
        """The dev key, of the role app."""
        return self.running.key

    @property
    def home(self) -> Path:
        """The service's home."""
        return self.running.runtime.settings.home

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, *, key: str | None = ""
    ) -> Reply:
        """Get a path; `key` "" is the admin's, None is none."""
        return self.running.request(
            "GET", path, headers=headers, key=self.admin if key == "" else key
        )


class Addressed(Protocol):
    """Whatever answers at a port of the loopback."""

    @property
    def port(self) -> int:
        """The port."""
        ...


class Browser:
    """Keeps cookies as a browser does, and sends forms."""

    def __init__(self, service: Addressed, headers: Mapping[str, str] | None = None) -> None:
        self._service = service
        self._headers = dict(headers or {})
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []

    def open(self, path: str, **headers: str) -> Reply:
        """Open a page; redirects are not followed."""
        return self._send("GET", path, None, headers)

    def send(self, path: str, fields: Mapping[str, str], **headers: str) -> Reply:
        """Send a form."""
        headers = {"content-type": "application/x-www-form-urlencoded", **headers}
        return self._send("POST", path, urlencode(fields).encode(), headers)

    def log_in(self, key: str, **fields: str) -> Reply:
        """Open the form and send it with a key."""
        page = self.open("/admin/login")
        return self.send("/admin/login", {"key": key, "csrf_token": token_in(page), **fields})

    def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        sent = {**self._headers, **{name.replace("_", "-"): v for name, v in headers.items()}}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self._service.port, timeout=20)
        with closing(connection):
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            self.set_cookies = answer.headers.get_all("set-cookie", [])
            for line in self.set_cookies:
                self._keep(line)
            return Reply(answer.status, headers, answer.read())

    def _keep(self, line: str) -> None:
        for name, morsel in SimpleCookie(line).items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value


def token_in(page: Reply) -> str:
    """The token that a page's form holds."""
    found = re.search(rb'name="csrf_token" value="([^"]+)"', page.body)
    assert found is not None, page.body[:500]
    return found[1].decode()


@contextmanager
def operated(
    home: Path, redis_url: str, figures: Figures, targets: str = TARGETS, **changes: Any
) -> Generator[OperatedService]:
    """The service until the block ends."""
    settings = settings_for(home, redis_url, **changes)
    with running(settings, targets=targets) as service:
        for source in (reader_of, budgets_of, ledger_of):
            service.app.dependency_overrides[source] = lambda: figures
        yield OperatedService(service, figures, add_key(home, "operations", "admin"))
