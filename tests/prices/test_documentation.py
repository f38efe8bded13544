"""Reads every file of the page on prices and runs every command: each prints what is shown."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.main import main
from service.price_file import PriceFile, PriceFileError, load_price_file
from service.price_file_schema import Discount, ModelPrices
from service.targets_schema import PartPrices

DOCUMENT = Path(__file__).parents[2] / "docs" / "prices.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```yaml (\S+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))
REFUSED = "refused.yaml"


@dataclass(frozen=True, slots=True)
class Example:
    """Commands of the page, and what stands below them."""

    commands: tuple[str, ...]
    shown: str

    @property
    def name(self) -> str:
        return re.sub(r"\W+", "-", self.commands[-1][:70]).strip("-")


def examples() -> list[Example]:
    found = re.findall(r"^```sh\n(.*?)^```\n\n^```text\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    return [
        Example(tuple(commands.replace("\\\n", " ").splitlines()), shown)
        for commands, shown in found
    ]


def parameters() -> list[object]:
    """What is downloaded needs a package index: those examples run with the slow tests."""
    return [
        pytest.param(
            one,
            id=one.name,
            marks=[pytest.mark.slow] if one.commands[0].startswith("pip") else [],
        )
        for one in examples()
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the page's files are, with nothing in the environment that concerns prices."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GAUGEWAY_PRICES", raising=False)
    monkeypatch.setenv("GAUGEWAY_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def test_every_command_has_an_answer_and_every_file_a_name() -> None:
    assert len(examples()) == TEXT.count("```sh\n") >= 15
    assert len(FILES) == TEXT.count("```yaml") == 3
    told = " ".join(command for one in examples() for command in one.commands)
    for command in ("list", "find", "diff", "explain"):
        assert f"gaugeway prices {command}" in told


@pytest.mark.parametrize("name", [name for name in FILES if name != REFUSED])
def test_every_file_can_be_used(folder: Path, name: str) -> None:
    assert load_price_file(folder / name) != PriceFile()


def test_the_file_with_faults_is_refused(folder: Path) -> None:
    with pytest.raises(PriceFileError):
        load_price_file(folder / REFUSED)


@pytest.mark.parametrize("example", parameters())
def test_every_command_prints_what_is_shown(
    example: Example,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    *before, command = (shlex.split(command) for command in example.commands)
    for program, *arguments in before:
        assert program == "pip"
        subprocess.run([sys.executable, "-m", "pip", *arguments], check=True, cwd=folder)
    assert command[0] == "gaugeway"
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    lines = [line.rstrip() for line in (printed.err + printed.out).splitlines()]
    assert "\n".join(lines) == example.shown.rstrip("\n")
    assert ended.value.code == (1 if lines[0].startswith("error") else 0)


def test_every_key_of_the_file_is_explained() -> None:
    keys = {*PartPrices.model_fields, *ModelPrices.model_fields, *Discount.model_fields}
    keys = {"from" if key == "begins" else key for key in keys}
    assert not [key for key in sorted(keys) if f"`{key}`" not in TEXT]


def test_the_example_is_what_the_text_says_of_it(folder: Path) -> None:
    """Every key of the file is used in it at least once."""
    used = set(re.findall(r"(\w+):", FILES["prices.yaml"]))
    keys = {*ModelPrices.model_fields, *Discount.model_fields} - {"begins"} | {"from"}
    assert keys <= used
