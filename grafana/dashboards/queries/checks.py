"""What the Collector's check from outside says of the service, for panels and for rules."""

from typing import Protocol

from grafana.dashboards import components
from grafana.dashboards.selectors import ENVIRONMENT, label

# Checks are made every 15 s: an older one says nothing of now.
OLDEST_CHECK_SECONDS = 120


class Match(Protocol):
    """Makes `{…}` of further matchers."""

    def __call__(self, *extra: str) -> str:
        """Return the braces with what is between them."""
        ...


def service_up(match: Match) -> str:
    """1 or 0 for each checked endpoint; nothing where nobody checks.

    The receiver labels a good answer with its status code, and writes 0 without one when there is
    no answer: two series, of which the one that fell silent keeps its last value for minutes. So
    the service is up where the good answer is as new as the newest check.
    """
    checked = _newest(match)
    answered = _newest(match, 'http_status_class="2xx"', 'http_status_code!=""')
    fresh = f"{checked} > time() - {OLDEST_CHECK_SECONDS}"
    return f"({answered} or 0 * {checked}) >= bool ({fresh})"


def _newest(match: Match, *extra: str) -> str:
    """When each checked endpoint was last checked with such a result, in Unix seconds."""
    series = f"{components.HTTPCHECK_STATUS.prometheus}{match(*extra)}"
    return f"max by ({label(ENVIRONMENT)}, http_url) (timestamp({series}))"
