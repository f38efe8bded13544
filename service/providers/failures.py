"""From what a provider answered to the error it means, the same for every provider."""

from __future__ import annotations

import re
from dataclasses import dataclass

from service.errors import (
    ProviderError,
    ProviderFailed,
    ProviderInvalidResponse,
    ProviderModelMissing,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderRequestTooLarge,
    ProviderUnauthorized,
)
from service.rate_limits import RateLimit

QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_error"})
MAXIMUM_MESSAGE = 1000

# Whatever stands where a text was cut could go on like this: as a key, and as a URL's user.
_CONTINUED = "000000000000@"
_KEY = re.compile(
    r"(?i)\b(?:sk|pk|rk|gw|gsk|xai|hf)[-_][\w*.…-]{6,}|\bAIza[\w-]{10,}|\bbearer\s+\S+|://[^/\s@]+@"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error answer of a provider says, whatever its wire format."""

    status: int
    message: str = ""
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None
    should_retry: bool | None = None
    rate_limits: tuple[RateLimit, ...] = ()


def redact(text: str, secret: str | None = None) -> str:
    """The text on one line, without anything that looks like a key, cut to a bearable length."""
    if secret:
        text = text.replace(secret, "[redacted]")
    line = " ".join(text[: MAXIMUM_MESSAGE * 4].split())
    if len(text) <= MAXIMUM_MESSAGE * 4 and len(line) <= MAXIMUM_MESSAGE:
        line = _KEY.sub("[redacted]", line)
        return line if len(line) <= MAXIMUM_MESSAGE else line[: MAXIMUM_MESSAGE - 1] + "…"
    # A key that the cut parts in two is still to be known as one.
    line = _KEY.sub("[redacted]", line[: MAXIMUM_MESSAGE - 1] + _CONTINUED)
    shorter = line.removesuffix(_CONTINUED)
    return (shorter if shorter != line else line.removesuffix("@"))[: MAXIMUM_MESSAGE - 1] + "…"


def error_of(failure: Failure, *, target: str, secret: str | None = None) -> ProviderError:
    """The error a failed answer means; `target` names the one that failed in the message."""
    build = _class_of(failure)
    said = redact(failure.message, secret)
    code = redact(failure.code, secret) if failure.code else None
    error = build(
        _message(build, failure, target, said),
        upstream_status=failure.status,
        upstream_code=code,
        retry_after=failure.retry_after,
        # Only what may be tried again at all can be told to be; the provider can forbid it.
        retryable=build.retries and failure.should_retry is not False,
        rate_limits=failure.rate_limits,
        # What a provider says may repeat the request.
        own_words=_message(build, failure, target, ""),
    )
    if isinstance(error, ProviderRejected):
        # Clients act on some of these (context_length_exceeded), so they get the original.
        error.code = code or error.code
        error.param = failure.param
    return error


def _class_of(failure: Failure) -> type[ProviderError]:
    status = failure.status
    if status == 402 or failure.code in QUOTA_CODES:
        return ProviderQuotaExhausted
    if status in (401, 403):
        return ProviderUnauthorized
    if status == 404:
        return ProviderModelMissing
    if status == 413:
        return ProviderRequestTooLarge
    if status == 429:
        return ProviderRateLimited
    if status in (503, 529):
        return ProviderOverloaded
    if status in (408, 409) or status >= 500:
        return ProviderFailed
    if 400 <= status < 500:
        return ProviderRejected
    return ProviderInvalidResponse


def _message(build: type[ProviderError], failure: Failure, target: str, said: str) -> str:
    words = f": {said}" if said else "."
    if build is ProviderUnauthorized:
        # The provider's own words may quote the key, and would read as if the caller's were wrong.
        return (
            f"The target '{target}' refused this service's credentials ({failure.status}). "
            "Your own API key is fine; the operator must check the target's key."
        )
    if build is ProviderQuotaExhausted:
        return (
            f"This service's account at the target '{target}' is out of credit or quota "
            f"({failure.status}). The operator must top it up{words if said else '.'}"
        )
    if build is ProviderModelMissing:
        return (
            f"The target '{target}' does not know the model it is declared to serve "
            f"({failure.status}){words}"
        )
    if build is ProviderRateLimited:
        return f"The target '{target}' asks to slow down (429); try again later{words}"
    if issubclass(build, ProviderRejected):
        return said or f"The target '{target}' rejected the request ({failure.status})."
    return f"The target '{target}' failed ({failure.status}){words}"
