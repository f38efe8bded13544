"""Hooks into modules of others: applied when they are imported, harmless when they fail."""

import logging
import sys
from pathlib import Path

import pytest

from otel.bootstrap.hooks import when_imported


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"imported_by_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text("value = 1\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return name


def test_a_module_is_changed_when_it_is_imported(module: str) -> None:
    when_imported(module, lambda imported: setattr(imported, "value", 2))
    assert module not in sys.modules
    assert __import__(module).value == 2


def test_a_module_that_is_there_already_is_changed_now(module: str) -> None:
    imported = __import__(module)
    when_imported(module, lambda imported: setattr(imported, "value", 3))
    assert imported.value == 3


def test_a_change_that_fails_leaves_the_import_alone(
    module: str, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("opentelemetry").propagate = True
    when_imported(module, lambda imported: imported.missing)
    assert __import__(module).value == 1
    assert f"Instrumenting {module} failed" in caplog.text
