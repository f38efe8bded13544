"""What one stream used so far; at its end, on whatever path, its inference is settled once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from otel.inference import Inference
from service.accounts import Account
from service.bill import Bill
from service.content import Transcript
from service.errors import ProviderError, ServiceError
from service.exchange import ModelRequest
from service.interruption import Interruption
from service.providers.protocol import Chunk
from service.settlement import (
    Settlement,
    end_failed,
    end_interrupted,
    note_failed_attempt,
    outcome_of,
)
from service.targets import Target
from service.tokens import Usage, estimate_tokens


@dataclass(slots=True)
class StreamRecord:
    """The facts of one stream, fed by its chunks and closed by exactly one of the endings."""

    request: ModelRequest
    target: Target
    inference: Inference
    settlement: Settlement
    account: Account
    interruption: Interruption
    transcript: Transcript | None = None
    characters: int = 0
    pieces: int = 0
    """Chunks with output; none is less than a token."""
    usage: Usage | None = None
    bill: Bill | None = None
    """What it came to; None until the end."""
    _named: bool = False
    _outdated: bool = False
    """Whether output came after the usage was told."""

    def saw(self, chunk: Chunk) -> None:
        """Take in a chunk that arrived just now."""
        inference = self.inference
        if chunk.content:
            inference.chunk()
            self.characters += chunk.characters
            self.pieces += 1
            self._outdated = self.usage is not None
            if self.transcript is not None:
                self.transcript.add(chunk.data)
        if not self._named:
            self._named = True
            inference.response(model=_text(chunk.data.get("model")), id=_text(chunk.data.get("id")))
        if chunk.finish_reasons or chunk.attributes:
            inference.response(
                finish_reasons=inference.finish_reasons + chunk.finish_reasons,
                attributes=chunk.attributes,
            )
        if chunk.usage is not None:
            self.usage, self._outdated = chunk.usage, False

    def complete(self) -> None:
        """The provider sent its end mark."""
        if self._settle():
            self.inference.end("completed")
            self.account.close("completed", bill=self.bill)

    def fail(self, error: ServiceError) -> None:
        """The provider, or the way to it, failed after the stream had begun."""
        if self._settle():
            if isinstance(error, ProviderError):
                note_failed_attempt(self.inference, error)
            end_failed(self.inference, error)
            self.account.close(outcome_of(error), bill=self.bill, error=error.error_type)

    def break_off(self, error: Exception) -> None:
        """Something failed that should not be able to; its words may hold what nobody may see."""
        if self._settle():
            self.inference.fail(type(error).__qualname__)
            self.inference.end("provider_error")
            name = type(error).__qualname__
            self.account.close("provider_error", bill=self.bill, error=name)

    def interrupt(self) -> None:
        """The stream was cut from our side: client gone, deadline, shutdown."""
        if self._settle():
            end_interrupted(self.inference, self.interruption)
            reason = self.interruption.reason or "client_disconnect"
            self.account.close(reason, bill=self.bill, error=reason)

    def abandon(self) -> None:
        """Whoever was to read the stream dropped it."""
        if self._settle():
            self.inference.end("abandoned")
            self.account.close("abandoned", bill=self.bill, error="abandoned")

    def _settle(self) -> bool:
        """Price what was used, the first time; False when the stream is over already."""
        if self.bill is not None:
            return False
        bill = self.settlement.settle(
            self.inference, self.target, self._used(), self.account.asked_at
        )
        self.bill = self.account.owed(bill)
        if self.transcript is not None:
            self.inference.content(output_messages=self.transcript.messages())
        self.interruption.close()
        return True

    def _used(self) -> Usage:
        told = self.usage
        if told is None:
            return Usage(
                self.request.estimated_input_tokens, self._estimated_output(), estimated=True
            )
        if not self._outdated:
            return told
        # Some providers tell the usage so far: the input is certain, what came since is not.
        output = max(told.output_tokens, self._estimated_output())
        return replace(told, output_tokens=output, estimated=True)

    def _estimated_output(self) -> int:
        """By its characters, up to what it was allowed, and no less than the pieces it came in."""
        body = self.request.body
        stated = max(body.get("max_completion_tokens") or 0, body.get("max_tokens") or 0)
        limit = stated or self.account.lease.max_output_tokens
        tokens = estimate_tokens(self.characters)
        if limit:
            # Long words are fewer tokens: a budget reserved no more than this.
            tokens = min(tokens, limit * (body.get("n") or 1))
        # In scripts with a token or more to each character, pieces tell better.
        return max(tokens, self.pieces)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
