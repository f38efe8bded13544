from __future__ import annotations

from pathlib import Path

from stack.logs import follow, last_lines


def test_the_last_lines_of_a_long_file_come_whole_and_in_order(tmp_path: Path) -> None:
    log = tmp_path / "loki.log"
    log.write_text("".join(f"line {number} {'x' * 200}\n" for number in range(2000)))
    lines = last_lines(log, 500)
    assert [line.split()[1] for line in lines] == [str(number) for number in range(1500, 2000)]


def test_a_file_with_fewer_lines_is_given_whole_without_blank_ones(tmp_path: Path) -> None:
    log = tmp_path / "tempo.log"
    log.write_bytes(b"one\n\n\xfftwo")
    assert last_lines(log, 50) == ["one", "\ufffdtwo"]
    assert last_lines(tmp_path / "none.log", 50) == []
    assert last_lines(log, 0) == []


def test_following_gives_what_is_appended_whole_also_after_rotation(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_text("before\n" * 10)
    lines = follow(log, seconds=10)
    with log.open("a") as file:
        file.write("first\nsec")
    assert next(lines) == "first"
    with log.open("a") as file:
        file.write("ond\n")
    assert next(lines) == "second"
    log.rename(tmp_path / "service-old.log")
    log.write_text("third\n")
    assert next(lines) == "third"


def test_following_ends_when_its_time_is_over(tmp_path: Path) -> None:
    assert list(follow(tmp_path / "none.log", seconds=0.1)) == []
