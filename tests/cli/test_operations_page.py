from __future__ import annotations

from dataclasses import replace

from cli.operations_page import operations_page
from stack.home import Home
from stack.settings import Settings
from tests.stack.conftest import free_ports


def test_a_developer_is_led_to_the_page_and_its_key(home: Home) -> None:
    settings = Settings(environment="dev", home=home, ports=free_ports())
    line = operations_page(settings)
    assert f"{settings.url('service')}/admin/monitoring" in line
    assert str(home.path / "dev-admin-key") in line


def test_elsewhere_one_is_told_how_to_make_a_key(home: Home) -> None:
    settings = Settings(environment="dev", home=home, ports=free_ports())
    line = operations_page(replace(settings, environment="prod"))
    assert "gaugeway keys create NAME --role admin" in line
    assert "dev-admin-key" not in line
