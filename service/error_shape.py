"""What every error that a caller is told about has: a status, and OpenAI's error shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from service.bill import Bill


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
        self.message = sendable(message)
        super().__init__(self.message)
        self.code = sendable(code) if code else self.default_code
        self.param = param
        self.retry_after = retry_after
        """Seconds after which trying again makes sense; sent as `Retry-After`."""
        self.headers: Mapping[str, str] = headers or {}
        """What else the answer carries."""
        self.bill: Bill | None = None
        """What the request costs though nobody has its answer; None where it used nothing."""

    @property
    def error_type(self) -> str:
        """The value of `error.type` in telemetry: one of few, never a caller's text."""
        return self.default_code

    @property
    def own_words(self) -> str:
        """The message without what a caller or a provider wrote, for telemetry."""
        return self.message

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


def sendable(text: str) -> str:
    """Callers and providers can send half of a surrogate pair, which no answer can carry."""
    return text.encode(errors="replace").decode()
