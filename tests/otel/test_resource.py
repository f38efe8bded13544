"""A process says which version of its service it is, so that a change of it can be seen."""

from importlib.metadata import version

import pytest

from otel.bootstrap.resource import resource
from otel.bootstrap.settings import BootstrapSettings


@pytest.fixture
def settings() -> BootstrapSettings:
    return BootstrapSettings()


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_RESOURCE_ATTRIBUTES", raising=False)
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)


def test_the_version_is_that_of_the_installed_package_named_like_the_service(
    settings: BootstrapSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "gaugeway")
    assert resource(settings).attributes["service.version"] == version("gaugeway")


def test_a_service_that_no_package_is_named_like_has_no_version(
    settings: BootstrapSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "somebody's own")
    assert "service.version" not in resource(settings).attributes


def test_a_version_that_the_operator_gives_wins(
    settings: BootstrapSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "gaugeway")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.version=canary-7")
    assert resource(settings).attributes["service.version"] == "canary-7"
