"""Reads another version of the price book, out of a package or a data file, without running it.

A package states its prices as Python source. Only what such source says of prices is taken from it:
calls of the book's own types on plain values. Anything else in there is an error.
"""

from __future__ import annotations

import ast
import datetime
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from genai_prices import types
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import (
    Provider,
    _providers_from_raw,  # pyright: ignore[reportPrivateUsage] - how the package reads its own data
)

from service.price_book import PriceBook

_SOURCE = "genai_prices/data.py"
_MOST_BYTES = 64 * 1024**2


class SnapshotError(ValueError):
    """The file is no version of the price book; the message says why."""


def read_book(path: Path) -> PriceBook:
    """The price book in a wheel, a source distribution or a JSON data file of genai-prices.

    Raises `SnapshotError`.
    """
    try:
        providers = _providers(path)
    except SnapshotError:
        raise
    except Exception as error:
        # Whatever a broken archive, JSON or source makes its reader raise, the file is at fault.
        raise SnapshotError(
            f"{path} cannot be read as a price book ({type(error).__name__}: {error}). Give a "
            "wheel, a source distribution or a data.json of genai-prices, or a price file (.yaml)."
        ) from None
    return PriceBook(DataSnapshot(providers, from_auto_update=False), path.name)


def _providers(path: Path) -> list[Provider]:
    if path.suffix == ".json":
        return _providers_from_raw(json.loads(path.read_bytes(), parse_float=Decimal))
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return _evaluated(archive.read(_SOURCE))
    if path.name.endswith(".tar.gz"):
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
            for member in archive:
                if member.name.endswith(f"/{_SOURCE}") and (file := archive.extractfile(member)):
                    return _evaluated(file.read(_MOST_BYTES))
    raise SnapshotError(f"{path} holds no {_SOURCE}: it is no price book this command can read.")


def _evaluated(source: bytes) -> list[Provider]:
    for statement in ast.parse(source).body:
        target = statement.target if isinstance(statement, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and target.id == "providers":
            value = cast("ast.AnnAssign", statement).value
            if value is not None:
                return _value(value)
    raise SnapshotError(f"{_SOURCE} names no providers")


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {_value(key): _value(value) for key, value in pairs if key is not None}
    if isinstance(node, ast.Call):
        make = _MAKERS.get(ast.unparse(node.func))
        if make is not None:
            named = {word.arg: _value(word.value) for word in node.keywords if word.arg}
            return make([_value(item) for item in node.args], named)
    if isinstance(node, ast.Attribute) and ast.unparse(node) == "datetime.UTC":
        return datetime.UTC
    raise SnapshotError(
        f"{_SOURCE}, line {node.lineno}: this is no price: {ast.unparse(node)[:80]}"
    )


def _maker(kind: Callable[..., Any]) -> Callable[[list[Any], dict[str, Any]], Any]:
    known = _fields(kind)

    def make(values: list[Any], named: dict[str, Any]) -> Any:
        # A newer book may say more of a model than this version of the package knows.
        kept = named if known is None else {k: v for k, v in named.items() if k in known}
        return kind(*values, **kept)

    return make


def _fields(kind: object) -> frozenset[str] | None:
    return frozenset(field.name for field in fields(kind)) if is_dataclass(kind) else None


_MAKERS: Mapping[str, Callable[[list[Any], dict[str, Any]], Any]] = {
    **{name: _maker(getattr(types, name)) for name in types.__all__ if name[0].isupper()},
    "Decimal": _maker(Decimal),
    "datetime.date": _maker(datetime.date),
    "datetime.time": _maker(datetime.time),
}
