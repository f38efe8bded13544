"""The error codes of model providers that a metric may name.

A provider's code is text of its choosing, and may repeat what a caller wrote: a label has those
that the interfaces of providers document, and numbers.
"""

from __future__ import annotations

from typing import Final

OTHER: Final = "_OTHER"
KNOWN: Final = frozenset(
    {
        # OpenAI, and those who speak its format.
        *("account_deactivated", "audio_too_short", "bad_request", "billing_hard_limit_reached"),
        *("billing_not_active", "content_filter", "content_policy_violation"),
        *("context_length_exceeded", "deployment_not_found", "empty_array", "engine_not_found"),
        *("failed_generation", "image_too_large", "insufficient_balance", "insufficient_credits"),
        *("insufficient_permissions", "insufficient_quota", "integer_above_max_value"),
        *("integer_below_min_value", "internal_error", "internal_server_error"),
        *("invalid_api_key", "invalid_base64", "invalid_image", "invalid_image_format"),
        *("invalid_image_url", "invalid_json", "invalid_model", "invalid_organization"),
        *("invalid_parameter", "invalid_prompt", "invalid_request", "invalid_request_error"),
        *("invalid_type", "invalid_value", "json_validate_failed", "max_tokens_exceeded"),
        *("missing_required_parameter", "model_decommissioned", "model_not_active"),
        *("model_not_available", "model_not_found", "model_overloaded", "model_terms_required"),
        *("not_found", "organization_restricted", "permission_denied", "quota_exceeded"),
        *("rate_limit", "rate_limit_error", "rate_limit_exceeded", "rate_limit_reached"),
        *("rate_limited", "request_timeout", "request_too_large", "requests", "server_error"),
        *("server_overloaded", "service_unavailable", "string_above_max_length", "timeout"),
        *("tokens", "tokens_exceeded_error", "tool_use_failed", "unknown_parameter"),
        *("unknown_url", "unsupported_country_region_territory", "unsupported_model"),
        *("unsupported_parameter", "unsupported_value", "vector_store_timeout"),
        # Anthropic.
        *("api_error", "authentication_error", "billing_error", "not_found_error"),
        *("overloaded_error", "permission_error", "timeout_error"),
        # Azure.
        *("DeploymentNotFound", "InternalServerError", "InvalidRequest", "NotFound"),
        *("OperationNotSupported", "PermissionDenied", "RequestTimeout"),
        *("ResponsibleAIPolicyViolation", "ServiceUnavailable", "TooManyRequests"),
        *("Unauthorized",),
        # Google.
        *("ABORTED", "ALREADY_EXISTS", "CANCELLED", "DEADLINE_EXCEEDED", "FAILED_PRECONDITION"),
        *("INTERNAL", "INVALID_ARGUMENT", "NOT_FOUND", "OUT_OF_RANGE", "PERMISSION_DENIED"),
        *("RESOURCE_EXHAUSTED", "UNAUTHENTICATED", "UNAVAILABLE", "UNIMPLEMENTED"),
        # vLLM and others.
        *("BadRequestError", "NotFoundError", "RateLimitError", "ServiceUnavailableError"),
        *("not_supported", "overloaded", "simulated_fault", "unavailable"),
    }
)
_LONGEST_NUMBER: Final = 6


def known_code(code: str | None) -> str | None:
    """The code where it is one of those that are documented, else `_OTHER`."""
    if code is None or code in KNOWN:
        return code
    number = code.isascii() and code.isdigit() and len(code) <= _LONGEST_NUMBER
    return code if number else OTHER
