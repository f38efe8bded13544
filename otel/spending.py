"""The metrics of spending: budgets, the ledger, what caching saved. Part of `otel.names`."""

from typing import Final

from otel import attributes as a
from otel.metric import Kind, Metric

_BUDGET: Final = (a.BUDGET_NAME, a.BUDGET_SCOPE, a.BUDGET_VALUE, a.BUDGET_UNIT, a.BUDGET_WINDOW)


def _state(name: str, meaning: str) -> Metric:
    words = f"{meaning} Every worker tells the same: take the highest, never the sum."
    return Metric(f"gaugeway.budget.{name}", Kind.OBSERVABLE_GAUGE, "", words, _BUDGET)


BUDGET_LIMIT: Final = _state("limit", "What a budget allows in its window.")
BUDGET_SPENT: Final = _state("spent", "What was spent in a budget's present window.")
BUDGET_RESERVED: Final = _state("reserved", "What requests under way have reserved.")
BUDGET_REMAINING: Final = _state("remaining", "Limit less spent and reserved, at least 0.")
BUDGET_FORECAST: Final = _state("forecast", "Spent by the window's end at the pace so far.")
BUDGET_USERS: Final = Metric(
    "gaugeway.budget.users",
    Kind.OBSERVABLE_GAUGE,
    "",
    "Users past a threshold of a budget that each user has. Every worker tells the same.",
    (a.BUDGET_NAME, a.BUDGET_THRESHOLD),
)
BUDGET_DENIALS: Final = Metric(
    "gaugeway.budget.denials",
    Kind.COUNTER,
    "{request}",
    "Requests refused because a budget was used up.",
    (a.BUDGET_NAME, a.APP),
)
BUDGET_UNCHECKED: Final = Metric(
    "gaugeway.budget.unchecked",
    Kind.COUNTER,
    "{request}",
    "Requests that went on without one of their budgets having been asked: Redis was away, or a "
    "key of the budget holds something else.",
    (a.APP,),
)
SAVED: Final = Metric(
    "gaugeway.saved",
    Kind.COUNTER,
    "{USD}",
    "What caching saved: by our response cache or by the provider's prompt cache.",
    (a.SAVED_BY, a.PROVIDER_NAME, a.REQUEST_MODEL, a.APP),
)
LEDGER_PENDING: Final = Metric(
    "gaugeway.ledger.pending",
    Kind.OBSERVABLE_UP_DOWN_COUNTER,
    "{entry}",
    "Entries that Redis does not have yet: in a worker's journal, or in its memory.",
)
LEDGER_HELD: Final = Metric(
    "gaugeway.ledger.held",
    Kind.OBSERVABLE_UP_DOWN_COUNTER,
    "{entry}",
    "Those of `gaugeway.ledger.pending` that are in memory alone: the journal takes none.",
)
LEDGER_DROPPED: Final = Metric(
    "gaugeway.ledger.dropped",
    Kind.COUNTER,
    "{entry}",
    "Entries lost: the journal took none (`error.type` is `journal_full` or `journal_failed`), and "
    "memory neither, or Redis has forgotten them (`redis_forgot`). `key_damaged`: they are missing in "
    "one key alone.",
    (a.ERROR_TYPE,),
)
WORKERS_LOST: Final = Metric(
    "gaugeway.workers.lost",
    Kind.COUNTER,
    "{worker}",
    "Workers that ended without a word, as by `kill -9`; told by the one that noticed it and "
    "entered what their requests had used.",
)
CONFIGURATION_RELOADS: Final = Metric(
    "gaugeway.configuration.reloads",
    Kind.COUNTER,
    "{reload}",
    "Changed files taken in (`applied`) or refused as a whole (`refused`).",
    (a.CONFIGURATION_FILE, a.CONFIGURATION_RESULT),
)

SPENDING: Final = (
    BUDGET_LIMIT,
    BUDGET_SPENT,
    BUDGET_RESERVED,
    BUDGET_REMAINING,
    BUDGET_FORECAST,
    BUDGET_USERS,
    BUDGET_DENIALS,
    BUDGET_UNCHECKED,
    SAVED,
    LEDGER_PENDING,
    LEDGER_HELD,
    LEDGER_DROPPED,
    WORKERS_LOST,
    CONFIGURATION_RELOADS,
)
