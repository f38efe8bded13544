"""What may show nothing on a stack that is well, each with its reason."""

from typing import Final

MOST: Final = 3
NEVER_EMPTY: Final = frozenset({"genai-overview", "cost-and-budgets"})
# (dashboard, panel's title): why nothing is shown.
ALLOWED_EMPTY: Final[dict[tuple[str, str], str]] = {}
# Graphs of times that are measured where no trace is.
WITHOUT_TRACES: Final[dict[tuple[str, str], str]] = {
    (
        "host-and-runtime",
        "Event-loop lag",
    ): "it is measured between requests, outside of all traces",
}
