"""What is wrong with a YAML file is said; no file brings down who reads it, or takes its memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from service.file_reading import MOST_BYTES
from service.yaml_file import YamlFileError, problems, read_yaml


def told(folder: Path, text: str) -> str:
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(YamlFileError) as caught:
        read_yaml(path)
    return str(caught.value)


@pytest.mark.parametrize(
    "value",
    ['!!int ""', '!!float ""', "!!bool perhaps", "!!timestamp soon", "1" + ":59" * 20_000 + ".5"],
)
def test_a_value_that_does_not_fit_its_tag_is_bad_yaml(tmp_path: Path, value: str) -> None:
    assert "is not valid YAML" in told(tmp_path, f"limit: {value}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budgets:\n  - a: 1\n: [\n", "line 3, column 1: while parsing a block mapping, expected"),
        ("a: 1\na: 2\n", "line 2, column 1: the key 'a' is there twice"),
        ("a: [1, 2\n", "line 2, column 1: while parsing a flow sequence, expected ',' or ']'"),
        ("a: b: c\n", "line 1, column 5: mapping values are not allowed here"),
        ("a: \x07\n", "special characters are not allowed"),
    ],
)
def test_a_slip_of_the_pen_is_told_in_one_line_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    message = told(tmp_path, text)
    assert said in message
    assert "\n" not in message
    assert "unicode string" not in message


def test_a_set_is_refused_as_its_entries_have_no_places(tmp_path: Path) -> None:
    assert "write a list" in told(tmp_path, "budgets: !!set {a, b}\n")


def test_keys_that_are_merged_again_and_again_are_refused_before_they_fill_the_memory(
    tmp_path: Path,
) -> None:
    lines = ["a0: &a0 {k: v}"]
    for level in range(1, 40):
        merged = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} {{<<: [{merged}]}}")
    assert "keys" in told(tmp_path, "\n".join(lines))


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    with path.open("wb") as file:
        file.truncate(1024**4)
    with pytest.raises(YamlFileError, match=f"longer than {MOST_BYTES:,}"):
        read_yaml(path)
    with pytest.raises(YamlFileError, match="a device"):
        read_yaml(Path("/dev/zero"))


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    budgets: list[dict[str, str]]


@pytest.mark.parametrize("name", ["*a30", "0x" + "f" * 5_000])
def test_an_entry_is_pointed_out_without_writing_out_what_its_name_holds(
    tmp_path: Path, name: str
) -> None:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{level}: &a{level} [*a{level - 1}, *a{level - 1}]" for level in range(1, 31)]
    path = tmp_path / "file.yaml"
    path.write_text("\n".join([*lines, f"budgets: [{{name: {name}}}]"]), encoding="utf-8")
    raw: Any = read_yaml(path)
    with pytest.raises(ValidationError) as caught:
        _Document.model_validate({"budgets": raw["budgets"]})
    assert problems(caught.value, raw, naming=("name",)) == [
        "  budgets.0.name: Input should be a valid string"
    ]
