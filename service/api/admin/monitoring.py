"""`GET /admin/monitoring`: the operations page, as a whole or only what changes on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, Protocol, TypeVar
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from service.api.admin.access import csrf_token, require_admin
from service.api.admin.documentation import SECURED
from service.api.admin.pages import PAGE_RESPONSES
from service.api.admin.sources import (
    BudgetStates,
    LedgerState,
    budgets_of,
    ledger_of,
    reader_of,
)
from service.api.context import runtime_of
from service.dependencies import Finding
from service.keys import Caller
from service.ledger.documents import Day, Notable, Usage
from service.redis_keys import DamagedKey
from service.redis_store import StoreUnavailable
from service.web.moments import Zoned
from service.web.monitoring import Known, MonitoringView, monitoring_view
from service.web.templates import render

logger = logging.getLogger(__name__)
router = APIRouter()
T = TypeVar("T")

REFRESH_SECONDS = 60
DAYS = 30
"""The days of the chart, unless the ledger keeps fewer."""
NOTABLE = 10
READ_SECONDS = 5.0
"""The longest the page waits for one of its parts; then it is shown without it."""


class UsageSource(Protocol):
    """What the page asks of the ledger. Each raises `StoreUnavailable`."""

    async def usage(self, period: Literal["today"]) -> Usage:
        """What was used today."""
        ...

    async def history(self, days: int) -> tuple[Day, ...]:
        """So many days, oldest first."""
        ...

    async def notable(self, limit: int) -> Notable:
        """The last hour's requests worth looking at."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the page's figures come from; tests put their own here."""

    usage: UsageSource
    budgets: BudgetStates
    pending: Callable[[], int]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    held: Callable[[], int] = lambda: 0
    lost: Callable[[], int] = lambda: 0


def sources_of(
    reader: Annotated[UsageSource, Depends(reader_of)],
    budgets: Annotated[BudgetStates, Depends(budgets_of)],
    ledger: Annotated[LedgerState, Depends(ledger_of)],
) -> Sources:
    """The sources of the running service."""
    return Sources(
        reader,
        budgets,
        pending=lambda: ledger.pending,
        held=lambda: ledger.held,
        lost=lambda: ledger.lost,
    )


@router.get(
    "/admin/monitoring",
    summary="The operations page",
    response_class=HTMLResponse,
    response_model=None,
    responses=PAGE_RESPONSES,
    openapi_extra=SECURED,
)
async def monitoring(
    request: Request,
    caller: Annotated[Caller, Depends(require_admin)],
    sources: Annotated[Sources, Depends(sources_of)],
    by: Annotated[Literal["model", "app"], Query(description="Whose cost the chart stacks")] = (
        "model"
    ),
    fragment: Annotated[bool, Query(description="Only what changes on the page")] = False,
) -> HTMLResponse:
    """Cost, latency, budgets and the requests worth looking at, for a browser.

    It is answered in every state: what cannot be read is left out and said so.
    """
    runtime = runtime_of(request)
    zoned = Zoned(sources.now(), ZoneInfo(runtime.settings.time_zone))
    days = min(DAYS, runtime.settings.ledger_days)
    known = await what_is_known(sources, days, runtime.dependencies.findings)
    models = runtime.targets.models
    context: dict[str, object] = {
        "app": caller.app,
        "csrf_token": csrf_token(request),
        "refresh_seconds": REFRESH_SECONDS,
        "base_url": str(request.base_url).rstrip("/"),
        "example_model": next(iter(models), "gpt-4o-mini"),
    }
    template = "monitoring_content.html" if fragment else "monitoring.html"
    # A page of thousands of figures takes a while to write; other requests do not wait for it.
    text = await asyncio.to_thread(
        lambda: _page(
            template,
            monitoring_view(known, zoned, chart=by, grafana=runtime.settings.grafana_url),
            context,
        )
    )
    return HTMLResponse(text)


def _page(template: str, view: MonitoringView, context: dict[str, object]) -> str:
    return render(template, view=view, grafana=view.grafana, **context)


async def what_is_known(sources: Sources, days: int, findings: tuple[Finding, ...]) -> Known:
    """Everything that can be read now; what cannot does not keep the rest away."""
    slow: set[str] = set()
    damaged: dict[str, str] = {}
    usage, history, notable, budgets = await asyncio.gather(
        _unless_missing("usage", sources.usage.usage("today"), slow, damaged),
        _unless_missing("history", sources.usage.history(days), slow, damaged),
        _unless_missing("notable", sources.usage.notable(NOTABLE), slow, damaged),
        _unless_missing("budgets", sources.budgets.states(), slow, damaged),
    )
    return Known(
        *(usage, history, notable, budgets, findings),
        pending=sources.pending(),
        held=sources.held(),
        lost=sources.lost(),
        slow=frozenset(slow),
        damaged=damaged,
    )


async def _unless_missing(
    name: str, reading: Awaitable[T], slow: set[str], damaged: dict[str, str]
) -> T | None:
    """What is read; None where Redis is away, or it took too long, or a key is damaged.

    Then its name is in `slow`, or in `damaged` with the key.
    """
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await reading
    except DamagedKey as error:
        damaged[name] = error.key
        logger.warning("The operations page is without its %s: %s", name, error)
    except StoreUnavailable as error:
        logger.warning("The operations page is without its %s: %s", name, error)
    except TimeoutError:
        slow.add(name)
        logger.warning(
            "The operations page is without its %s: reading it took more than %g s.",
            name,
            READ_SECONDS,
        )
    return None
