"""No pattern takes more than linear time, whatever callers write. The one test that is timed."""

import re
from typing import Any

import pytest

from bench.shapes import SHAPES, written
from tests.growth.patterns import Found, patterns
from tests.growth.shapes import MOST, SIZE, growth, searched, words_of

FOUND = tuple(patterns())


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.place)
def test_twice_the_text_takes_a_pattern_at_most_three_times_as_long(found: Found) -> None:
    for start, piece in (*SHAPES, *words_of(found.pattern)):
        grown = growth(
            searched(found.pattern),
            _for(found.pattern, written(start, piece, SIZE)),
            _for(found.pattern, written(start, piece, 2 * SIZE)),
        )
        assert grown <= MOST, f"{start!r} and then {piece!r} repeated: {grown:.1f} times"


def test_a_pattern_that_takes_quadratic_time_would_be_noticed() -> None:
    old = re.compile(r"(?:[a-z0-9]+[-_.])*password=")
    start, piece = "key", "a-"
    assert (
        growth(searched(old), written(start, piece, SIZE), written(start, piece, 2 * SIZE)) > MOST
    )


def test_patterns_are_found_wherever_they_are_made() -> None:
    places = {found.place.partition(":")[0] for found in FOUND}
    assert {"otel/redaction.py", "service/api/body.py", "service/providers/failures.py"} <= places
    assert len(SHAPES) >= 20


def _for(pattern: re.Pattern[Any], text: str) -> Any:
    return text if isinstance(pattern.pattern, str) else text.encode()[: len(text)]
