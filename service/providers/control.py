"""How a caller steers the simulated provider, where settings allow: by header or model name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SimulateControl:
    """One request's wishes to the simulated provider; what is None is left as it is.

    `status`: answer this error status; 0 for no fault. `times`: only in the first so many attempts
    of the request (None: in all). `target`: only at the target of this name. `retry_after`:
    seconds in the `Retry-After` of a 429 or 503. `latency_ms`: before the answer begins;
    `first_chunk_ms`: between the response head and the first chunk; `chunk_ms`: between chunks.
    `cut_after`: break the stream after so many chunks. `hang`: never answer, or never go on
    after `cut_after` chunks. `malformed`: answer what is not the wire format. `seed`: another seed.
    """

    status: int | None = None
    times: int | None = None
    target: str | None = None
    retry_after: float | None = None
    latency_ms: float | None = None
    first_chunk_ms: float | None = None
    chunk_ms: float | None = None
    cut_after: int | None = None
    hang: bool = False
    malformed: bool = False
    seed: int | None = None


HEADER = "x-gaugeway-simulate"


def parse_header(value: str) -> SimulateControl:
    """Read the header's JSON object; `InvalidRequest` names what is wrong in it."""
    raise NotImplementedError


def split_model(model: str) -> tuple[str, SimulateControl | None]:
    """Part `simulated:429` or `simulated:hang` into the model's name and the wish; else None."""
    raise NotImplementedError
