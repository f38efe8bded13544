"""How much longer twice as much of a text takes, and the shapes that a pattern itself names."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

SIZE = 8192
MOST = 3.0
"""Twice the text may take so many times as long; what grows with the square takes four times."""
_ROUNDS = 20
_SAMPLES = 3


def words_of(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """Shapes of the words that a pattern itself is looking for."""
    written: Any = pattern.pattern
    source = written if isinstance(written, str) else str(written, "ascii")
    for word in dict.fromkeys(re.findall(r"[A-Za-z]{3,}", source)):
        yield from (("", word), ("", f"{word} "), ("", f"{word}="), (word, "a-"), (word, " "))


def searched(pattern: re.Pattern[Any]) -> Callable[[Any], object]:
    """All that can be asked of a pattern."""

    def ask(text: Any) -> None:
        pattern.fullmatch(text)
        pattern.sub(_no_more, text)

    return ask


def _no_more(found: re.Match[Any]) -> Any:
    return found[0][:0]


def growth(read: Callable[[Any], object], short: object, long: object) -> float:
    """How many times as long the longer text takes, in the best of several tries for each.

    Processor time of this thread alone is counted. As long as it looks too much, it is tried again.
    """
    best = [float("inf"), float("inf")]
    for _ in range(_ROUNDS):
        for _ in range(_SAMPLES):
            for which, text in enumerate((short, long)):
                started = time.thread_time_ns()
                read(text)
                best[which] = min(best[which], max(1, time.thread_time_ns() - started))
        if best[1] <= MOST * best[0]:
            break
        if best[1] > 50e6:  # a twentieth of a second: noise is not what this is
            break
    return best[1] / best[0]
