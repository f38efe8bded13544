"""Finds every regular expression of the product, so that a new one is measured by itself.

What pydantic's `pattern=` holds is not here, nor what PromQL, LogQL, TraceQL and the Collector's
processors do: the engines of Rust and Go take linear time whatever the pattern.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from otel.bootstrap.settings import EXCLUDED_URLS

ROOT = Path(__file__).parents[2]
ROOMS = ("bench", "cli", "grafana", "otel", "service", "stack")
FUNCTIONS = frozenset(
    {"compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn"}
)
# What is put together while the product runs: by file, examples as its default settings make them.
BUILT: dict[str, tuple[str, ...]] = {
    "otel/bootstrap/fastapi.py": ("|".join(EXCLUDED_URLS.split(",")),),
}


@dataclass(frozen=True, slots=True)
class Found:
    """One regular expression and where it stands."""

    place: str
    pattern: re.Pattern[Any]


def patterns() -> Iterator[Found]:
    """Every regular expression. Fails for one that cannot be told from the source alone."""
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            yield from _of_file(file)


def _of_file(file: Path) -> Iterator[Found]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    name = file.relative_to(ROOT).as_posix()
    calls: list[ast.Call] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module != "re", f"{name}: write `import re`, or its patterns are not found"
        elif isinstance(node, ast.Import):
            assert all(one.name != "re" or one.asname is None for one in node.names), name
        elif isinstance(node, ast.Call) and _function(node) in FUNCTIONS:
            calls.append(node)
    if calls:
        module = importlib.import_module(name.removesuffix(".py").replace("/", "."))
        for call in calls:
            yield from _of_call(call, name, vars(module))


def _of_call(call: ast.Call, name: str, known: dict[str, Any]) -> Iterator[Found]:
    place = f"{name}:{call.lineno}"
    try:
        pattern = _evaluated(call.args[0], known)
        if isinstance(pattern, re.Pattern):
            yield Found(place, cast("re.Pattern[Any]", pattern))
            return
        flags = [one.value for one in call.keywords if one.arg == "flags"]
        if _function(call) == "compile":
            flags += call.args[1:]
        yield Found(place, re.compile(pattern, _evaluated(flags[0], known) if flags else 0))
    except NameError:
        assert name in BUILT, f"{place} is built at run time: give examples of it in BUILT"
        yield from (Found(place, re.compile(example)) for example in BUILT[name])


def _function(call: ast.Call) -> str:
    """The name of the function of `re` that is called; empty for any other call."""
    function = call.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr if function.value.id == "re" else ""
    return ""


def _evaluated(node: ast.expr, names: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "<pattern>", "eval"), names)  # our own source
