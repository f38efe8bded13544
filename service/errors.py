"""The service's one error tree: each class is one HTTP status, OpenAI `type` and `code`.

Messages say what happened, to which thing, and what to do; they never carry a secret. What every
error has is in `service.error_shape`, what can go wrong at a provider in `service.provider_errors`.
"""

# ruff: noqa: N818 - the names say what happened; the two bases say that it is an error.

from __future__ import annotations

from service.error_shape import ServiceError
from service.provider_errors import (
    ProviderError,
    ProviderFailed,
    ProviderInvalidResponse,
    ProviderModelMissing,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderRequestTooLarge,
    ProviderStreamInterrupted,
    ProviderTimeout,
    ProviderUnauthorized,
    ProviderUnreachable,
    ProviderUnsupported,
    TimeoutKind,
)

__all__ = [
    "BodyTimeout",
    "BudgetExceeded",
    "BudgetsUnavailable",
    "ClientGone",
    "DeadlineExceeded",
    "HeadTimeout",
    "HeadersTooLarge",
    "InternalError",
    "InvalidApiKey",
    "InvalidJson",
    "InvalidRequest",
    "LedgerUnavailable",
    "MalformedRequest",
    "MethodNotAllowed",
    "ModelNotFound",
    "ModelUnpriced",
    "NotFound",
    "PermissionDenied",
    "ProviderError",
    "ProviderFailed",
    "ProviderInvalidResponse",
    "ProviderModelMissing",
    "ProviderOverloaded",
    "ProviderQuotaExhausted",
    "ProviderRateLimited",
    "ProviderRejected",
    "ProviderRequestTooLarge",
    "ProviderStreamInterrupted",
    "ProviderTimeout",
    "ProviderUnauthorized",
    "ProviderUnreachable",
    "ProviderUnsupported",
    "RequestTooLarge",
    "ServiceError",
    "ServiceUnavailable",
    "TimeoutKind",
    "TooManyAttempts",
    "UnsupportedMediaType",
]


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


class MalformedRequest(InvalidRequest):
    """What came is no HTTP request."""

    default_code = "malformed_request"


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


class HeadTimeout(BodyTimeout):
    """The client took too long to send its header fields."""

    default_code = "request_head_timeout"


class HeadersTooLarge(InvalidRequest):
    """The request's header fields, or its trailer fields, are too large or too many."""

    status = 431
    default_code = "headers_too_large"


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


class TooManyAttempts(ServiceError):
    """One wrong key more than is answered in full; the right one is let in all the same."""

    status = 429
    type = "rate_limit_error"
    default_code = "too_many_attempts"


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
