from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from cli.settings import Thresholds
from cli.top_figures import figures_of
from cli.top_reading import Reading
from cli.top_text import Shape
from cli.top_view import frame
from service.ledger.documents import Lost, Notable
from tests.cli.top_samples import USERS, budget, health, metrics, notable, reading, request


def drawn(one: Reading | None = None, shape: Shape | None = None, footer: str = "") -> list[Text]:
    one = one or reading()
    found = None if one.metrics is None else figures_of(one.metrics, Thresholds())
    return frame(one, found, shape or Shape(), footer=footer)


def text(lines: list[Text]) -> str:
    return "\n".join(line.plain for line in lines)


def colour_of(lines: list[Text], part: str) -> str:
    """The colours of the first place where a text is."""
    for line in lines:
        at = line.plain.find(part)
        if at >= 0:
            spans = (str(span.style) for span in line.spans if span.start <= at < span.end)
            return " ".join([str(line.style), *spans])
    raise AssertionError(f"{part!r} is not in\n{text(lines)}")


def test_a_usual_terminal_shows_everything() -> None:
    lines = drawn(footer="the end")
    said = text(lines)
    assert len(lines) == 24
    for part in (
        *("healthy", "http://127.0.0.1:8080", "14:36:05 CET", "the end"),
        *("requests/min  42  1 failed", "cost today    $6.20"),
        *("average       800 ms  ▼ 20 % in an hour", "p95           2 s  ▲ 100 % in an hour"),
        *("tokens today  1.23M in  98.8k out", "cache hits    23.4 %  $0.12 saved"),
        *("errors today  0.8 %  12 of 1,500", "sessions      0  3 requests under way"),
        *("everything-daily", "62.0 %", "$6.20 of $10.00", "$9.90", "9 h 23 min"),
        *("failed", "upstream_timeout", "dearest", "$0.0312", "slowest", "1.24 s"),
    ):
        assert part in said, f"{part!r} is not in\n{said}"


@given(
    st.integers(1, 250),
    st.one_of(st.none(), st.integers(1, 80)),
    st.booleans(),
    st.integers(0, 30),
    st.integers(0, 5),
    st.one_of(st.none(), st.text(max_size=300)),
    st.text(max_size=60),
)
@example(11, None, True, 0, 1, None, "\N{EMOJI MODIFIER FITZPATRICK TYPE-1-2}")
def test_no_frame_is_larger_than_its_terminal(
    width: int,
    height: int | None,
    ascii_only: bool,
    budgets: int,
    requests: int,
    problem: str | None,
    name: str,
) -> None:
    states = tuple(budget(f"{name}{number}", number * 7) for number in range(budgets))
    one = reading(
        metrics=metrics(budgets=states),
        notable=Notable(slowest=tuple(request(n, app=name, model=name) for n in range(requests))),
        problem=problem,
    )
    lines = drawn(one, Shape(width, height, ascii_only), footer="the end of it")
    assert height is None or len(lines) <= height
    for line in lines:
        assert cell_len(line.plain) <= width
        assert line.plain.isprintable()
        assert not ascii_only or line.plain.isascii()


@pytest.mark.parametrize(
    ("height", "there", "left_out"),
    [
        (60, ["failed", "dearest", "slowest"], []),
        (24, ["failed", "dearest", "slowest"], []),
        (12, ["everything-monthly"], ["failed", "slowest"]),
        (7, ["sessions"], ["everything"]),
    ],
)
def test_a_low_terminal_shows_what_matters_most(
    height: int, there: list[str], left_out: list[str]
) -> None:
    said = [line.plain for line in drawn(shape=Shape(80, height))]
    for part in there:
        assert any(part in line for line in said)
    for part in left_out:
        assert not any(line.startswith(part) for line in said)


def test_a_narrow_terminal_shows_every_figure_below_the_other() -> None:
    said = text(drawn(shape=Shape(40, 30)))
    names = ("requests/min", "average", "p95", "errors", "cost", "tokens", "cache", "sessions")
    assert [said.index(f"\n{name}") for name in names] == sorted(
        said.index(f"\n{name}") for name in names
    )


def test_a_wide_terminal_leads_to_traces() -> None:
    assert f"{1:032x}" in text(drawn(shape=Shape(130, 40)))
    assert f"{1:032x}" not in text(drawn(shape=Shape(80, 40)))


def test_more_budgets_than_fit_are_counted() -> None:
    states = tuple(budget(f"budget-{number}", number) for number in range(20))
    said = text(drawn(reading(metrics=metrics(budgets=states)), Shape(80, 24)))
    assert "budget-19" in said
    assert "and 13 more" in said
    unbounded = text(drawn(reading(metrics=metrics(budgets=states)), Shape(80, None)))
    assert "budget-0" in unbounded
    assert "more" not in unbounded


def test_colours_follow_the_thresholds() -> None:
    states = (budget("low", 10), budget("high", 85), budget("over", 130, denials=7))
    lines = drawn(reading(metrics=metrics(budgets=states)), Shape(100, 40))
    assert "green" in colour_of(lines, "10.0 %")
    assert "yellow" in colour_of(lines, "85.0 %")
    assert "red" in colour_of(lines, "130.0 %")
    assert "red" in colour_of(lines, "7 refused")
    assert "red" in colour_of(lines, "▲ 100 %")
    assert "green" in colour_of(lines, "▼ 20 %")
    assert "green" in colour_of(lines, "0.8 %")


def test_a_forecast_above_the_limit_is_yellow() -> None:
    lines = drawn(reading(metrics=metrics(budgets=(budget(forecast="12.5"),))))
    assert "yellow" in colour_of(lines, "$12.50")


def test_budgets_of_users_tell_how_many_reached_a_threshold() -> None:
    states = (budget("each-user", 0, scope="user", users=USERS), budget("users", 0, scope="user"))
    said = text(drawn(reading(metrics=metrics(budgets=states))))
    assert "users: 3 at 80 %\n" in said + "\n"
    assert "users: none at a threshold" in said


def test_tokens_and_requests_are_budgets_too() -> None:
    states = (
        budget("tokens", unit="tokens", limit="2000000", spent="1240800", forecast="1999999.6"),
        budget("requests", unit="requests", limit="500", spent="310", forecast=None),
    )
    said = text(drawn(reading(metrics=metrics(budgets=states)), Shape(120, 40)))
    assert "1.24M of 2M tokens" in said
    assert "310 of 500 requests" in said
    assert "\N{EN DASH}" in said


def test_a_service_without_budgets_says_so() -> None:
    assert "no budgets are declared" in text(drawn(reading(metrics=metrics(budgets=()))))


def test_a_service_that_went_away_keeps_its_last_figures_dimmed() -> None:
    lines = drawn(reading(problem="http://127.0.0.1:8080 cannot be reached (Connection refused)"))
    said = text(lines)
    assert "● no figures" in said
    assert "Connection refused" in said
    assert "the figures are of 14:36:05 CET" in said
    assert "dim" in colour_of(lines, "$6.20")
    assert "red" in colour_of(lines, "cannot be reached")


def test_before_the_first_answer_there_is_a_head_alone() -> None:
    lines = drawn(reading(metrics=None, notable=None, problem="not there"))
    assert "gaugeway top" in lines[0].plain
    assert "not there" in text(lines)
    assert "$" not in text(lines)


def test_a_degraded_service_names_what_it_misses() -> None:
    said = text(drawn(reading(metrics=metrics(status="degraded"), health=health())))
    assert "● degraded" in said
    assert "degraded: collector (unreachable)" in said
    assert "redis" not in said


def test_entries_on_disk_are_told() -> None:
    worker = metrics().worker.model_copy(update={"journal_entries": 17})
    said = text(drawn(reading(metrics=metrics(worker=worker))))
    assert "17 entries of the ledger wait on disk" in said


def test_what_was_lost_and_what_is_in_memory_alone_is_told() -> None:
    lost = Lost(requests=39, unpriced_requests=2, cost_usd="1.25")
    changes = {"journal_entries": 17, "memory_entries": 5, "lost_entries": 1}
    worker = metrics().worker.model_copy(update=changes)
    lines = drawn(reading(metrics=metrics(worker=worker, lost=lost)), Shape(120, 40))
    told = "40 requests of today were lost and are in no figure, $1.25 of known cost"
    assert told in text(lines)
    assert "red" in colour_of(lines, told)
    assert "5 of them wait in memory alone" in text(lines)


def test_models_without_a_price_are_told() -> None:
    today = metrics().today.model_copy(update={"unpriced_requests": 4})
    lines = drawn(reading(metrics=metrics(today=today)))
    assert "yellow" in colour_of(lines, "4 unpriced")


@pytest.mark.parametrize("field", ["model", "app", "error", "trace_id"])
def test_what_callers_choose_cannot_steer_the_terminal(field: str) -> None:
    changes: dict[str, Any] = {field: "a\x1b[2J\x1b]0;owned\x07\u202eb\r\n\x9bc"}
    found = Notable(failed=(request(**changes),))
    said = text(drawn(reading(notable=found), Shape(200, 40)))
    assert not set(said) & {"\x1b", "\x07", "\x9b", "\r", "\u202e"}
    assert "\ufffd[2J" in said


def test_names_are_no_markup() -> None:
    found = Notable(failed=(request(app="[red]x[/]"),))
    assert "[red]x[/]" in text(drawn(reading(notable=found)))


def test_kinds_without_requests_leave_their_room_to_the_others() -> None:
    found = Notable(slowest=notable(5).slowest)
    said = text(drawn(reading(notable=found), Shape(80, 24)))
    assert said.count("1.24 s") == 5
    assert "dearest" not in said
