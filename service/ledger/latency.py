"""Latency in buckets: bounds that grow by a quarter each, and percentiles read from them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

_FIRST_US, _LAST_US, _STEPS = 1_000, 600_000_000, 60

BOUNDS_US: tuple[int, ...] = tuple(
    round(_FIRST_US * (_LAST_US / _FIRST_US) ** (step / _STEPS)) for step in range(_STEPS + 1)
)
"""Upper bounds of the buckets in microseconds: 1 ms to 600 s. What is above is in one more."""
# Counters of other bounds must have another number here: they could not be added to these.
_VERSION = "le1."
_COUNTERS = tuple(f"{_VERSION}{index}" for index in range(len(BOUNDS_US) + 1))


def bucket_counter(latency_us: int) -> str:
    """The counter of the bucket that a latency falls in."""
    return _COUNTERS[bisect_left(BOUNDS_US, latency_us)]


def bucket_counts(counters: Mapping[str, int]) -> list[int]:
    """How many requests fell in each bucket."""
    return [counters.get(counter, 0) for counter in _COUNTERS]


def percentile(counts: Sequence[int], share: float) -> float | None:
    """The latency in ms that `share` of the requests did not exceed; None without requests.

    It is interpolated inside the bucket that holds the request of that rank, so it is off by less
    than that bucket's width. Above the last bound it is that bound: the most that is known.
    """
    return percentiles(counts, (share,))[0]


def percentiles(counts: Sequence[int], shares: Sequence[float]) -> list[float | None]:
    """The percentiles of several shares, which ascend."""
    total = sum(counts)
    if total == 0:
        return [None] * len(shares)
    found: list[float | None] = []
    ranks = [max(share * total, 1.0) for share in shares]
    below = 0
    for index, count in enumerate(counts):
        while count and len(found) < len(ranks) and below + count >= ranks[len(found)]:
            found.append(_inside(index, (ranks[len(found)] - below) / count))
        below += count
    # Rounding can put the rank of all requests above them all.
    return found + [BOUNDS_US[-1] / 1000] * (len(ranks) - len(found))


def _inside(index: int, share: float) -> float:
    if index == len(BOUNDS_US):
        return BOUNDS_US[-1] / 1000
    lower = BOUNDS_US[index - 1] if index else 0
    return (lower + (BOUNDS_US[index] - lower) * min(share, 1.0)) / 1000
