"""Percentiles read from buckets are near the true ones."""

from __future__ import annotations

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from service.ledger.latency import BOUNDS_US, bucket_counter, bucket_counts, percentile


def counts(latencies: list[int]) -> list[int]:
    found: dict[str, int] = {}
    for latency in latencies:
        counter = bucket_counter(latency)
        found[counter] = found.get(counter, 0) + 1
    return bucket_counts(found)


@given(
    latencies=st.lists(st.integers(0, BOUNDS_US[-1]), min_size=1, max_size=200),
    share=st.floats(0.01, 1),
)
def test_a_percentile_is_within_a_bucket_of_the_true_one(
    latencies: list[int], share: float
) -> None:
    rank = math.ceil(max(share * len(latencies), 1))
    true = sorted(latencies)[rank - 1]
    index = next(n for n, bound in enumerate(BOUNDS_US) if true <= bound)
    lower = BOUNDS_US[index - 1] if index else 0
    found = percentile(counts(latencies), share)
    assert found is not None
    assert lower <= round(found * 1000, 3) <= BOUNDS_US[index]


@given(latencies=st.lists(st.integers(0, 10**10), max_size=50))
def test_every_latency_is_in_one_bucket_and_percentiles_rise(latencies: list[int]) -> None:
    found = counts(latencies)
    assert sum(found) == len(latencies)
    told = [percentile(found, share) for share in (0.5, 0.95, 0.99)]
    if not latencies:
        assert told == [None, None, None]
    else:
        assert told == sorted(told, key=lambda value: value or 0)


def test_buckets_grow_by_a_quarter_at_most_from_a_millisecond_to_ten_minutes() -> None:
    assert BOUNDS_US[0] == 1_000
    assert BOUNDS_US[-1] == 600_000_000
    ratios = [after / before for before, after in itertools.pairwise(BOUNDS_US)]
    assert max(ratios) < 1.25


def test_what_took_longer_than_the_last_bound_is_told_as_that_bound() -> None:
    assert percentile(counts([10**10]), 0.5) == 600_000
