"""What goes wrong in one simulated attempt, and how long things take."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from service.errors import (
    ProviderError,
    ProviderInvalidResponse,
    ProviderRejected,
    ProviderStreamInterrupted,
    ProviderUnreachable,
)
from service.providers.control import SimulateControl
from service.providers.failures import Failure, error_of
from service.providers.protocol import Call
from service.providers.simulated.options import SimulatedOptions
from service.rate_limits import RateLimit

CODES = {
    400: "invalid_value",
    401: "invalid_api_key",
    402: "insufficient_credits",
    403: "permission_denied",
    404: "model_not_found",
    429: "rate_limit_exceeded",
    500: "server_error",
    503: "service_unavailable",
    529: "overloaded_error",
}


@dataclass(frozen=True, slots=True)
class Faults:
    """One attempt's faults; at most one of them happens, in this order."""

    down: bool = False
    status: int = 0
    retry_after: float | None = None
    hang: bool = False
    malformed: bool = False
    cut_after: int | None = None


NONE = Faults()


def faults_of(call: Call, options: SimulatedOptions, random: Random) -> Faults:
    """What the caller asked for, as far as it holds for this attempt, or else what chance says.

    A caller who asks for any fault gets no other one by chance.
    """
    control = call.simulate
    if control is None or not _wishes_fault(control):
        return _by_chance(options, random)
    if control.times is not None and call.attempt > control.times:
        return NONE
    if control.target is not None and control.target != call.target:
        return NONE
    return Faults(
        down=control.down,
        status=control.status or 0,
        retry_after=options.retry_after if control.retry_after is None else control.retry_after,
        hang=control.hang,
        malformed=control.malformed,
        cut_after=control.cut_after,
    )


def _wishes_fault(control: SimulateControl) -> bool:
    return (
        control.status is not None
        or control.down
        or control.hang
        or control.malformed
        or control.cut_after is not None
    )


def _by_chance(options: SimulatedOptions, random: Random) -> Faults:
    rates = options.faults
    drawn = random.random()
    for status, rate in rates.status.items():
        drawn -= rate
        if drawn < 0:
            return Faults(status=status, retry_after=options.retry_after)
    for rate, faults in (
        (rates.down, Faults(down=True)),
        (rates.hang, Faults(hang=True)),
        (rates.malformed, Faults(malformed=True)),
        (rates.cut, Faults(cut_after=2)),
    ):
        drawn -= rate
        if drawn < 0:
            return faults
    return NONE


def refusal(
    faults: Faults, call: Call, used_up: tuple[RateLimit, ...] = ()
) -> ProviderError | None:
    """The error that comes in place of an answer, if one does; `used_up` is what a 429 tells."""
    if faults.down:
        return ProviderUnreachable(
            f"The target '{call.target}' cannot be reached: simulated connection refused."
        )
    if faults.status:
        failure = Failure(
            status=faults.status,
            message="simulated fault",
            code=CODES.get(faults.status, "simulated_fault"),
            retry_after=faults.retry_after if faults.status in (429, 503, 529) else None,
            rate_limits=used_up if faults.status == 429 else (),
        )
        return error_of(failure, target=call.target)
    return None


def malformed(call: Call) -> ProviderInvalidResponse:
    """The error of an answer that is not the wire format."""
    return ProviderInvalidResponse(
        f"The target '{call.target}' answered something that is not JSON (simulated).",
        upstream_status=200,
    )


def interrupted(call: Call) -> ProviderStreamInterrupted:
    """The error of an answer that ends before its time."""
    return ProviderStreamInterrupted(
        f"The target '{call.target}' broke the answer off (simulated).", upstream_status=200
    )


def rejected(message: str, *, param: str) -> ProviderRejected:
    """The error of a request that the simulated model cannot answer as it is written."""
    return ProviderRejected(
        message,
        code="invalid_value",
        param=param,
        upstream_status=400,
        upstream_code="invalid_value",
        own_words=message,
    )
