"""Usage of all kinds for properties: parts that fit into their wholes, and any counts at all."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from service.tokens import Usage


@st.composite
def usages(draw: st.DrawFn, most_input: int = 2_000_000, most_output: int = 500_000) -> Usage:
    """Usage whose parts fit into their wholes."""
    given = draw(st.integers(0, most_input))
    read = draw(st.integers(0, given))
    write = draw(st.integers(0, given - read))
    heard = draw(st.integers(0, given))
    seen = draw(st.integers(0, given - heard))
    said = draw(st.integers(0, most_output))
    reasoning = draw(st.integers(0, said))
    spoken = draw(st.integers(0, said - reasoning))
    return Usage(
        given,
        said,
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=draw(st.integers(0, write)),
        input_audio_tokens=heard,
        input_image_tokens=seen,
        reasoning_tokens=reasoning,
        output_audio_tokens=spoken,
        output_image_tokens=draw(st.integers(0, said - reasoning - spoken)),
    )


@st.composite
def slips(draw: st.DrawFn) -> Usage:
    """Counts that need not fit together."""
    counts = [draw(st.integers(0, 10_000_000)) for _ in range(10)]
    return Usage(
        counts[0],
        counts[1],
        cache_read_tokens=counts[2],
        cache_write_tokens=counts[3],
        cache_write_1h_tokens=counts[4],
        input_audio_tokens=counts[5],
        input_image_tokens=counts[6],
        reasoning_tokens=counts[7],
        output_audio_tokens=counts[8],
        output_image_tokens=counts[9],
        characters=draw(st.integers(0, 10_000_000)),
        seconds=draw(st.decimals(0, 100_000, places=3)) if draw(st.booleans()) else Decimal(0),
    )
