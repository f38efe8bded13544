"""Runs every command of the pages on the API and compares each answer with what is shown."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from bench.serving import INSTRUMENT, Serving, free_port, serving, uvicorn

PAGES = [Path(__file__).parents[2] / "docs" / name for name in ("api.md", "admin.md")]
_BLOCK = re.compile(r"^```sh ?(\w*)\n(.*?)^```\n\n^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A command of the page and the answer that stands below it."""

    kind: str
    command: str
    shown: str

    @property
    def name(self) -> str:
        return re.sub(r"\W+", "-", self.command[:60]).strip("-")


def examples() -> list[Example]:
    return [
        Example(match[1] or "json", match[2], match[4])
        for page in PAGES
        for match in _BLOCK.finditer(page.read_text())
    ]


def same_shape(shown: Any, answered: Any, place: str = "$") -> None:
    """Fail unless the answer has every name shown, with a value of the same type."""
    if isinstance(shown, dict):
        assert isinstance(answered, dict), f"{place} is {answered!r}, shown as an object"
        answer = cast("dict[str, Any]", answered)
        for name, value in cast("dict[str, Any]", shown).items():
            assert name in answer, f"{place}.{name} is shown but not answered: {answer}"
            same_shape(value, answer[name], f"{place}.{name}")
    elif isinstance(shown, list):
        assert isinstance(answered, list), f"{place} is {answered!r}, shown as a list"
        assert answered, f"{place} is empty"
        same_shape(shown[0], answered[0], f"{place}[0]")
    elif shown is None or isinstance(shown, bool | int) or isinstance(answered, bool | int):
        assert isinstance(answered, type(shown)) or isinstance(shown, float), (
            f"{place} is {answered!r}, shown as {shown!r}"
        )
    else:
        assert type(answered) is type(shown), f"{place} is {answered!r}, shown as {shown!r}"


def _json(shown: str, answered: str) -> None:
    same_shape(json.loads(shown), json.loads(answered))


_AMOUNT = re.compile(r"[\d.]+")


def _headers(shown: str, answered: str) -> None:
    status, *lines = shown.strip().splitlines()
    assert answered.splitlines()[0].strip() == status
    given = dict(line.split(": ", 1) for line in answered.lower().splitlines() if ": " in line)
    for line in lines:
        name, value = line.split(": ", 1)
        assert name in given, f"{name} is shown but not answered: {given}"
        if name == "x-gaugeway-cache":
            assert given[name].strip() == value
        elif name == "x-gaugeway-budget-remaining":
            assert _AMOUNT.sub("", given[name].strip()) == _AMOUNT.sub("", value.lower())
        else:
            alphabet = r"[\d.]+" if re.fullmatch(r"[\d.]+", value) else r"[0-9a-f]{32}"
            assert re.fullmatch(alphabet, given[name].strip()), f"{name} is {given[name]!r}"


def _stream(shown: str, answered: str) -> None:
    lines = [line for line in answered.splitlines() if line]
    assert lines[-1] == "data: [DONE]"
    assert [line.split("=")[0] for line in lines if line.startswith(":")] == [
        line.split("=")[0] for line in shown.splitlines() if line.startswith(":")
    ]
    first = json.loads(lines[0].removeprefix("data: "))
    assert first["object"] == "chat.completion.chunk"


def _metrics(shown: str, answered: str) -> None:
    for line in shown.strip().splitlines():
        pattern = re.escape(line.split(" ")[0]).replace("…", '[^"]+')
        assert re.search(f"^{pattern} ", answered, re.MULTILINE), f"nothing like {line}"


COMPARE: dict[str, Callable[[str, str], None]] = {
    "json": _json,
    "headers": _headers,
    "stream": _stream,
    "metrics": _metrics,
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Serving]:
    port = free_port()
    with serving(
        (*INSTRUMENT, *uvicorn(port)),
        port=port,
        home=tmp_path_factory.mktemp("docs-home"),
        environment={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
    ) as running:
        yield running


def test_the_pages_show_an_answer_below_every_command() -> None:
    texts = [page.read_text() for page in PAGES]
    commands = [len(re.findall(r"^```sh", text, re.MULTILINE)) for text in texts]
    assert min(commands) >= 8
    assert len(examples()) == sum(commands)


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_every_command_answers_as_shown(example: Example, service: Serving) -> None:
    done = subprocess.run(
        ["bash", "-c", example.command],
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "GAUGEWAY_URL": service.url,
            "GAUGEWAY_KEY": service.api_key,
            "GAUGEWAY_ADMIN_KEY": (service.home / "dev-admin-key").read_text().strip(),
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    COMPARE[example.kind](example.shown, done.stdout)


def test_every_route_of_the_service_is_on_a_page(service: Serving) -> None:
    paths = json.loads(service.get("/openapi.json"))["paths"]
    text = "".join(page.read_text() for page in PAGES)
    assert not [path for path in paths if path.replace("{model}", "simulated") not in text]
