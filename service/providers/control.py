"""How a caller steers the simulated provider, where settings allow: by header or model name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from service.errors import InvalidRequest

HEADER = "x-gaugeway-simulate"
_PROBLEMS_TOLD = 8


@dataclass(frozen=True, slots=True)
class SimulateControl:
    """One request's wishes to the simulated provider; what is None is left as it is.

    `status`: answer this error status; 0 for no fault at all. `down`: refuse the connection.
    `hang`: never answer, or never go on after `cut_after` chunks. `malformed`: answer what is not
    the wire format. `cut_after`: break the answer off after so many chunks. `times`: these faults
    only in the first so many attempts of the request (None: in all). `target`: only at the target
    of this name. `retry_after`: seconds in the `Retry-After` of an error status.
    `latency_ms`: before the answer begins; `first_chunk_ms`: from then to the first chunk;
    `chunk_ms`: between chunks. `seed`: another seed for the answer.
    """

    status: int | None = None
    down: bool = False
    hang: bool = False
    malformed: bool = False
    cut_after: int | None = None
    times: int | None = None
    target: str | None = None
    retry_after: float | None = None
    latency_ms: float | None = None
    first_chunk_ms: float | None = None
    chunk_ms: float | None = None
    seed: int | None = None


Milliseconds = Annotated[float, Field(ge=0, le=600_000)]
Status = Annotated[int, Field(ge=400, le=599)]


def _is_error_or_none(status: int) -> int:
    if status != 0 and not 400 <= status <= 599:
        raise ValueError("must be 0 or an error status from 400 to 599")
    return status


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    status: Annotated[int, AfterValidator(_is_error_or_none)] | None = None
    down: bool = False
    hang: bool = False
    malformed: bool = False
    cut_after: Annotated[int, Field(ge=0)] | None = None
    times: Annotated[int, Field(ge=0)] | None = None
    target: str | None = None
    retry_after: Annotated[float, Field(ge=0, le=86_400)] | None = None
    latency_ms: Milliseconds | None = None
    first_chunk_ms: Milliseconds | None = None
    chunk_ms: Milliseconds | None = None
    seed: int | None = None


def parse_header(value: str) -> SimulateControl:
    """Read the header's JSON object; raises `InvalidRequest` naming what is wrong in it."""
    try:
        header = _Header.model_validate_json(value)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part)[:64] for part in item['loc'][:1]) or 'value'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)[:_PROBLEMS_TOLD]
        )
        raise InvalidRequest(
            f"The header {HEADER} is not usable: {problems}. "
            'Send a JSON object such as {"status": 429, "times": 1}.',
            code="invalid_simulate_header",
        ) from None
    return SimulateControl(**header.model_dump())


_SUFFIX = re.compile(r"(?P<wish>[45]\d\d|ok|down|hang|malformed|cut|slow)(?:x(?P<times>\d{1,3}))?")
_WISHES = {
    "ok": SimulateControl(status=0),
    "down": SimulateControl(down=True),
    "hang": SimulateControl(hang=True),
    "malformed": SimulateControl(malformed=True),
    "cut": SimulateControl(cut_after=2),
    "slow": SimulateControl(latency_ms=1000, chunk_ms=100),
}


def split_model(model: str) -> tuple[str, SimulateControl | None]:
    """Part `simulated:429`, `simulated:503x2` (twice only) or `simulated:cut` from its wish.

    Gives the name unchanged, and None, where what follows the last colon is no wish.
    """
    name, _, suffix = model.rpartition(":")
    match = _SUFFIX.fullmatch(suffix)
    if not name or match is None:
        return model, None
    wish = _WISHES.get(match["wish"]) or SimulateControl(status=int(match["wish"]))
    times = int(match["times"]) if match["times"] else None
    return name, replace(wish, times=times)
