"""What can go wrong at a provider: the part of the error tree that retries and fallbacks read.

A provider's refusal of *our* credentials must not look like the client's bad key: the client sees a
502 or 503 with a clear code, while telemetry reads what the provider answered from
`upstream_status` and `upstream_code`.
"""

# ruff: noqa: N818 - the names say what happened; the base says that it is an error.

from __future__ import annotations

from typing import ClassVar, Literal

from service.error_shape import ServiceError, sendable
from service.rate_limits import RateLimit

TimeoutKind = Literal["connect", "read", "deadline"]


class ProviderError(ServiceError):
    """One failed attempt at a provider.

    `kind` is the value for `error.type`; `upstream_status` is the provider's HTTP status, None
    where there was no answer; `upstream_code` is the provider's own code, cut to 64 characters.
    `retryable`: the same target may be asked again. `falls_back`: another target may be asked.
    `rate_limits` is what the refusal told of the provider's limits. `own_words` is the message
    without what the provider said; it is left out where the message holds nothing of that.
    """

    status = 502
    type = "provider_error"
    default_code = "provider_error"
    kind: ClassVar[str] = "provider_error"
    retries: ClassVar[bool] = True
    falls_back: ClassVar[bool] = True

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int | None = None,
        upstream_code: str | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
        code: str | None = None,
        param: str | None = None,
        rate_limits: tuple[RateLimit, ...] = (),
        own_words: str | None = None,
    ) -> None:
        super().__init__(message, code=code, param=param, retry_after=retry_after)
        self._own_words = own_words
        self.upstream_status = upstream_status
        self.upstream_code = sendable(upstream_code)[:64] if upstream_code else None
        self.retryable = self.retries if retryable is None else retryable
        self.rate_limits = rate_limits

    @property
    def error_type(self) -> str:
        """The value of `error.type` in telemetry."""
        return self.kind

    @property
    def own_words(self) -> str:
        """The message without what a caller or the provider wrote."""
        return self.message if self._own_words is None else self._own_words


class ProviderRejected(ProviderError):
    """The provider calls the request wrong: the client's to mend, in the provider's words."""

    status = 400
    type = "invalid_request_error"
    default_code = "provider_rejected_request"
    kind = "rejected"
    retries = False
    falls_back = False

    @property
    def own_words(self) -> str:
        """What the error was made with: its message quotes whoever finds the request wrong."""
        return self._own_words or "The request was rejected."


class ProviderUnsupported(ProviderRejected):
    """The request asks for what this provider's API cannot do; another provider may."""

    default_code = "unsupported_value"
    kind = "unsupported"
    falls_back = True


class ProviderRequestTooLarge(ProviderRejected):
    """The provider calls the request too large; another provider may take it."""

    status = 413
    default_code = "provider_request_too_large"
    kind = "too_large"
    falls_back = True


class ProviderUnauthorized(ProviderError):
    """The provider refuses the service's credentials (its 401 or 403)."""

    default_code = "provider_authentication_failed"
    kind = "unauthorized"
    retries = False


class ProviderModelMissing(ProviderError):
    """The provider does not know the model its target declares (its 404)."""

    default_code = "provider_model_not_found"
    kind = "model_missing"
    retries = False


class ProviderQuotaExhausted(ProviderError):
    """The service's account at the provider is out of credit or quota (402, insufficient_quota)."""

    status = 503
    default_code = "provider_quota_exhausted"
    kind = "quota_exhausted"
    retries = False


class ProviderRateLimited(ProviderError):
    """The provider asks to slow down (429)."""

    status = 429
    type = "rate_limit_error"
    default_code = "provider_rate_limited"
    kind = "rate_limited"


class ProviderOverloaded(ProviderError):
    """The provider says it cannot serve now (503, 529)."""

    status = 503
    default_code = "provider_overloaded"
    kind = "overloaded"


class ProviderFailed(ProviderError):
    """The provider failed inside (another 5xx)."""

    default_code = "provider_failed"
    kind = "failed"


class ProviderUnreachable(ProviderError):
    """No connection, or it broke before an answer began."""

    default_code = "provider_unreachable"
    kind = "unreachable"


class ProviderInvalidResponse(ProviderError):
    """The provider answered something that is not its own wire format."""

    default_code = "provider_invalid_response"
    kind = "invalid_response"


class ProviderStreamInterrupted(ProviderError):
    """The answer began and ended before its time."""

    default_code = "provider_stream_interrupted"
    kind = "stream_interrupted"


class ProviderTimeout(ProviderError):
    """The provider took too long: to connect, between bytes, or in all (`timeout_kind`)."""

    status = 504
    type = "timeout_error"
    default_code = "provider_timeout"
    kind = "timeout"

    def __init__(self, message: str, *, timeout_kind: TimeoutKind) -> None:
        # A target that used up all of its time once is not given it again; another one may be.
        super().__init__(message, retryable=timeout_kind != "deadline")
        self.timeout_kind: TimeoutKind = timeout_kind

    @property
    def asked(self) -> bool:
        """Whether the provider has read the request, which it then bills."""
        return self.timeout_kind != "connect"
