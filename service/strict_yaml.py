"""Reads YAML that people wrote: safe, and a key given twice is a mistake worth telling."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml


class StrictLoader(yaml.SafeLoader):
    """YAML lets a later key win silently; this one does not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping of a node. Raises `yaml.YAMLError` where a key is there twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge" and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' is there twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def parse(text: str) -> object:
    """What a text says. Raises `yaml.YAMLError`."""
    return yaml.load(text, StrictLoader)  # noqa: S506 - a SafeLoader
