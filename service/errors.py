"""The service's one error tree: each class is one HTTP status, OpenAI `type` and `code`.

Messages say what happened, to which thing, and what to do; they never carry a secret. A provider's
refusal of *our* credentials must not look like the client's bad key: the client sees a 502 or 503
with a clear code, while telemetry reads what the provider answered from `upstream_status` and
`upstream_code`.
"""

# ruff: noqa: N818 - the names say what happened; the two bases say that it is an error.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from service.rate_limits import RateLimit

TimeoutKind = Literal["connect", "read", "deadline"]


class ServiceError(Exception):
    """An error the caller is told about, in OpenAI's error shape."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    default_code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = _sendable(message)
        super().__init__(self.message)
        self.code = _sendable(code) if code else self.default_code
        self.param = param
        self.retry_after = retry_after
        """Seconds after which trying again makes sense; sent as `Retry-After`."""
        self.headers: Mapping[str, str] = headers or {}
        """What else the answer carries."""

    @property
    def error_type(self) -> str:
        """The value of `error.type` in telemetry: one of few, never a caller's text."""
        return self.default_code

    def body(self, *, trace_id: str | None = None) -> dict[str, Any]:
        """The response body: OpenAI's error shape, plus `trace_id` inside `error` when given."""
        error: dict[str, Any] = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        if trace_id is not None:
            error["trace_id"] = trace_id
        return {"error": error}


def _sendable(text: str) -> str:
    """Callers and providers can send half of a surrogate pair, which no answer can carry."""
    return text.encode(errors="replace").decode()


class InternalError(ServiceError):
    """A fault of the service itself; the message tells the caller nothing of its inside."""


class InvalidRequest(ServiceError):
    """The request cannot be served as it is written."""

    status = 400
    type = "invalid_request_error"
    default_code = "invalid_request"


class InvalidJson(InvalidRequest):
    """The request body is not JSON text in UTF-8."""

    default_code = "invalid_json"


class InvalidApiKey(ServiceError):
    """No API key, or none that is known."""

    status = 401
    type = "authentication_error"
    default_code = "invalid_api_key"


class PermissionDenied(ServiceError):
    """The API key is known but its role may not do this."""

    status = 403
    type = "permission_error"
    default_code = "permission_denied"


class ModelUnpriced(PermissionDenied):
    """The model's price is not known, and the operator refuses such models."""

    default_code = "model_unpriced"


class NotFound(ServiceError):
    """No such address."""

    status = 404
    type = "invalid_request_error"
    default_code = "not_found"


class ModelNotFound(NotFound):
    """No target serves the model that was asked for."""

    default_code = "model_not_found"


class MethodNotAllowed(ServiceError):
    """The address exists, the method does not."""

    status = 405
    type = "invalid_request_error"
    default_code = "method_not_allowed"


class BodyTimeout(InvalidRequest):
    """The client took too long to send its body."""

    status = 408
    default_code = "request_timeout"


class RequestTooLarge(ServiceError):
    """The request body is larger than the service accepts."""

    status = 413
    type = "invalid_request_error"
    default_code = "request_too_large"


class UnsupportedMediaType(ServiceError):
    """The request body is declared as something other than JSON."""

    status = 415
    type = "invalid_request_error"
    default_code = "unsupported_media_type"


class ClientGone(ServiceError):
    """The caller closed the connection before it was answered; nobody reads this."""

    status = 499
    type = "client_error"
    default_code = "client_closed_request"


class ServiceUnavailable(ServiceError):
    """The service cannot take the request now: it is starting, stopping or overloaded."""

    status = 503
    type = "server_error"
    default_code = "service_unavailable"


class BudgetExceeded(ServiceError):
    """A budget has no room for the request."""

    status = 429
    type = "insufficient_quota"
    default_code = "budget_exceeded"


class BudgetsUnavailable(ServiceUnavailable):
    """Budgets cannot be asked, and the operator wants nothing spent that they do not allow."""

    default_code = "budgets_unavailable"


class LedgerUnavailable(ServiceUnavailable):
    """Usage cannot be recorded, and the operator wants nothing answered that is not."""

    default_code = "ledger_unavailable"


class DeadlineExceeded(ServiceError):
    """The time the caller or the settings allow for the whole request is over."""

    status = 504
    type = "timeout_error"
    default_code = "deadline_exceeded"


class ProviderError(ServiceError):
    """One failed attempt at a provider.

    `kind` is the value for `error.type`; `upstream_status` is the provider's HTTP status, None
    where there was no answer; `upstream_code` is the provider's own code, cut to 64 characters.
    `retryable`: the same target may be asked again. `falls_back`: another target may be asked.
    `rate_limits` is what the refusal told of the provider's limits.
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
    ) -> None:
        super().__init__(message, code=code, param=param, retry_after=retry_after)
        self.upstream_status = upstream_status
        self.upstream_code = _sendable(upstream_code)[:64] if upstream_code else None
        self.retryable = self.retries if retryable is None else retryable
        self.rate_limits = rate_limits

    @property
    def error_type(self) -> str:
        """The value of `error.type` in telemetry."""
        return self.kind


class ProviderRejected(ProviderError):
    """The provider calls the request wrong: the client's to mend, in the provider's words."""

    status = 400
    type = "invalid_request_error"
    default_code = "provider_rejected_request"
    kind = "rejected"
    retries = False
    falls_back = False


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
