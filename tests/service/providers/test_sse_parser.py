from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import ProviderInvalidResponse
from service.providers import sse
from service.providers.sse import Event, EventParser


def parsed(*pieces: bytes) -> list[Event]:
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)]


def test_an_event_ends_at_an_empty_line() -> None:
    assert parsed(b"data: one\n\ndata: two\n\n") == [Event("", b"one"), Event("", b"two")]


def test_an_event_without_its_empty_line_is_dropped() -> None:
    assert parsed(b"data: one\n\ndata: two\n") == [Event("", b"one")]


def test_comments_ids_and_retry_times_are_no_events() -> None:
    assert parsed(b": OPENROUTER PROCESSING\n\nid: 7\nretry: 10\n\ndata: x\n\n") == [
        Event("", b"x")
    ]


def test_lines_of_data_are_joined_by_a_line_feed() -> None:
    assert parsed(b"data: one\ndata:\ndata:two\n\n") == [Event("", b"one\n\ntwo")]


def test_only_one_space_after_the_colon_belongs_to_the_format() -> None:
    assert parsed(b"data:  x\n\n") == [Event("", b" x")]


def test_an_event_has_the_name_that_came_before_it_and_the_next_one_has_none() -> None:
    assert parsed(b"event: ping\ndata: 1\n\ndata: 2\n\n") == [Event("ping", b"1"), Event("", b"2")]


def test_a_name_without_data_is_forgotten() -> None:
    assert parsed(b"event: ping\n\ndata: 2\n\n") == [Event("", b"2")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_all_three_line_ends_are_understood(end: bytes) -> None:
    assert parsed(end.join([b"data: one", b"", b"data: two", b"", b""])) == [
        Event("", b"one"),
        Event("", b"two"),
    ]


def test_a_carriage_return_and_line_feed_in_two_pieces_are_one_line_end() -> None:
    assert parsed(b"data: one\r", b"\ndata: two\r", b"\n\r", b"\n") == [Event("", b"one\ntwo")]


def test_a_byte_order_mark_is_skipped() -> None:
    assert parsed(b"\xef\xbb\xbfdata: x\n\n") == [Event("", b"x")]


def test_an_unknown_field_and_a_field_without_colon_are_harmless() -> None:
    assert parsed(b"colour: blue\nwhatever\ndata\n\n") == [Event("", b"")]


texts = st.text(
    st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), min_size=1
)
events = st.tuples(st.lists(texts, min_size=1, max_size=3), texts)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sent=st.lists(events, max_size=5),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    noise=st.sampled_from(["", ": comment\n\n", ":\n", "id: 3\n\n"]),
    cuts=st.lists(st.integers(min_value=0, max_value=10_000), max_size=30),
)
def test_any_way_of_cutting_the_bytes_gives_the_same_events(
    sent: list[tuple[list[str], str]], end: str, noise: str, cuts: list[int]
) -> None:
    lines: list[str] = []
    for data, name in sent:
        if noise:
            lines += [*noise.rstrip("\n").split("\n"), ""]
        lines += [f"event: {name}", *(f"data: {line}" for line in data), ""]
    whole = "".join(line + end for line in lines).encode()
    edges = sorted({0, len(whole), *(min(cut, len(whole)) for cut in cuts)})
    pieces = [whole[start:stop] for start, stop in pairwise(edges)]
    assert parsed(*pieces) == [Event(name, "\n".join(data).encode()) for data, name in sent]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_at_all_are_read_without_an_error_and_as_if_they_came_at_once(
    pieces: list[bytes],
) -> None:
    assert parsed(*pieces) == parsed(b"".join(pieces))


def test_a_long_event_in_small_pieces_takes_linear_time() -> None:
    def seconds(count: int) -> float:
        parser = EventParser()
        started = time.process_time()
        for _ in range(count):
            assert list(parser.feed(b"x" * 16)) == []
        assert len(list(parser.feed(b"\n\n"))) == 0
        return time.process_time() - started

    seconds(1000)
    small, large = min(seconds(10_000) for _ in range(3)), min(seconds(80_000) for _ in range(3))
    # Eight times the work; quadratic would be sixty-four times.
    assert large < 24 * small


def test_an_event_without_end_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sse, "MAXIMUM_EVENT", 100)
    with pytest.raises(ProviderInvalidResponse):
        parsed(b"data: ", *[b"x" * 10] * 20)
    with pytest.raises(ProviderInvalidResponse):
        parsed(*[b"data: " + b"x" * 10 + b"\n"] * 20)
    with pytest.raises(ProviderInvalidResponse):
        parsed(*[b"data:\n"] * 20)


def test_comments_without_end_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAXIMUM_EVENT", 100)
    assert parsed(*[b": still", b" here\n"] * 100, b"data: x\n\n") == [Event("", b"x")]
