"""The environment is read in the settings modules and nowhere else."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "otel"


def _reads_environment(path: Path) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def test_only_settings_modules_read_the_environment() -> None:
    readers = {path.name for path in PACKAGE.rglob("*.py") if _reads_environment(path)}
    assert readers == {"settings.py"}
