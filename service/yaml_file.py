"""Reads a YAML file that people write, and says what is wrong with it in the file's own words."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from service.file_reading import FileUnreadableError, read_file
from service.providers.shapes import as_object

MOST_KEYS = 10_000
"""Of one mapping, merged ones included: a few lines of `<<` can make any number."""


class YamlFileError(ValueError):
    """The file cannot be read; the message goes on after its name."""


def read_yaml(path: Path) -> object:
    """What a YAML file holds. Raises `YamlFileError`."""
    try:
        text = read_file(path).decode()
    except FileUnreadableError as error:
        raise YamlFileError(str(error)) from None
    except UnicodeDecodeError:
        raise YamlFileError("is not UTF-8 text") from None
    try:
        return yaml.load(text, _UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        raise YamlFileError(f"is not valid YAML: {_fault(error)}") from None
    except (LookupError, AttributeError):
        # PyYAML's own, of a value that is not what its tag says, such as `!!int ""`.
        raise YamlFileError("is not valid YAML: a value does not fit its tag") from None
    except RecursionError:
        raise YamlFileError("is nested too deeply") from None


def _fault(error: Exception) -> str:
    """On one line, and without PyYAML's name for what was read: whoever asked names the file."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return str(error).replace(' in "<unicode string>",', " at").replace("\n", " ")
    mark = error.problem_mark
    said = ", ".join(part for part in (error.context, error.problem) if part)
    return f"line {mark.line + 1}, column {mark.column + 1}: {said}"


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML lets a later key win silently; here that is a mistake worth telling."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge" and str(key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' is there twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MOST_KEYS:
            raise yaml.constructor.ConstructorError(
                None, None, f"a mapping has more than {MOST_KEYS:,} keys", node.start_mark
            )

    def no_set(self, node: yaml.Node) -> None:
        """Sets have no order, so that nothing in them could be pointed out."""
        raise yaml.constructor.ConstructorError(
            None, None, "a set is given; write a list", node.start_mark
        )

    def construct_day(self, node: yaml.ScalarNode) -> object:
        """A day or moment, or its text where there is none such."""
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            # The 30th of February: whoever validates the file says which entry has it.
            return node.value


_UniqueKeyLoader.add_constructor("tag:yaml.org,2002:timestamp", _UniqueKeyLoader.construct_day)
_UniqueKeyLoader.add_constructor("tag:yaml.org,2002:set", _UniqueKeyLoader.no_set)


_PLAIN = 10**80
"""Python refuses to write out longer numbers than a few thousand digits."""


def problems(
    error: ValidationError, raw: object = None, *, naming: Sequence[str] = ()
) -> list[str]:
    """All problems of one validation, one a line, without the values.

    Where an entry of a list is at fault, its fields in `naming` say which one it is.
    """
    return [
        f"  {_place(item['loc'], raw, naming)}: {_said(item)}"
        for item in error.errors(include_url=False, include_input=False)
    ]


def _place(location: Sequence[int | str], raw: object, naming: Sequence[str]) -> str:
    parts = [str(part) for part in location] or ["(whole)"]
    if naming and len(location) > 1 and isinstance(location[1], int):
        entry: object = cast("Any", raw)[location[0]][location[1]]
        named = as_object(entry)
        # Of plain values alone: the text of a list that holds itself many times has no end.
        found = [
            str(value)[:80]
            for field in naming
            if isinstance(value := named.get(field), str | float | date)
            or (isinstance(value, int) and abs(value) < _PLAIN)
        ]
        parts[1] += f" ({' '.join(found)})" if found else ""
    return ".".join(parts)


def _said(item: Any) -> str:
    """Pydantic's message, plainer where it speaks of Python rather than of the file."""
    if item["type"] == "extra_forbidden":
        return "there is no such setting"
    return str(item["msg"]).removeprefix("Value error, ")
