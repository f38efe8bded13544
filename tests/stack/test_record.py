from __future__ import annotations

import pytest

from stack.home import Home
from stack.record import Record, as_running, read_record, write_record
from tests.stack.conftest import MakeSettings, free_ports


def test_a_later_command_finds_the_stack_as_it_was_started(
    make_settings: MakeSettings, home: Home
) -> None:
    home.prepare()
    ports = free_ports()
    record = Record("staging", ports, 42, "redis://host/1", home.path)
    write_record(home, record)
    assert read_record(home) == record
    running = as_running(make_settings())
    assert (running.environment, running.ports) == ("staging", ports)
    assert (running.redis_url, running.grafana_home) == ("redis://host/1", home.path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"environment": "moon"}', '{"ports": 1}'])
def test_a_damaged_record_counts_as_none(
    make_settings: MakeSettings, home: Home, text: str
) -> None:
    home.prepare()
    home.record.write_text(text)
    settings = make_settings()
    assert as_running(settings) == settings
