"""The distribution alone gives a foreign application its telemetry, with no line of code in it."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.otel.processes import BIN, ROOT, UVICORN, Application, instrumented, until
from tests.otel.receiver import Receiver

FOREIGN = """
import logging

from fastapi import FastAPI

app = FastAPI()


@app.get("/hello")
async def hello() -> str:
    logging.getLogger("foreign").warning("hello")
    return "hello"


@app.get("/healthz")
async def healthz() -> str:
    return "ok"
"""


def _uv(*arguments: str) -> None:
    command = [str(BIN / "uv"), *arguments]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    python = ("--python", sys.executable)
    _uv("build", "--wheel", "--no-build-isolation", *python, "-o", str(target), str(ROOT / "otel"))
    (path,) = target.glob("*.whl")
    return path


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def test_the_wheel_holds_the_package_otel_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith("METADATA"))
        requirements = archive.read(metadata).decode()
    packages = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert packages == {"otel"}
    assert {"otel/__init__.py", "otel/py.typed", "otel/bootstrap/distro.py"} <= set(names)
    assert not [
        name for name in names if "/./" in name or name.endswith(("pyproject.toml", ".pyc"))
    ]
    assert "Name: gaugeway-otel" in requirements


def test_a_fresh_environment_with_the_wheel_instruments_a_foreign_application(
    built: Path, receiver: Receiver, tmp_path: Path
) -> None:
    environment = tmp_path / "fresh"
    _uv("venv", "--python", sys.executable, str(environment))
    python = ("--python", str(environment / "bin" / "python"))
    constraints = ("-c", str(ROOT / "requirements" / "runtime.lock"))
    _uv("pip", "install", "--quiet", *python, *constraints, str(built), "fastapi", "uvicorn")
    (tmp_path / "foreign.py").write_text(FOREIGN)
    with Application(
        instrumented(*UVICORN, "foreign:app"),
        tmp_path,
        endpoint=receiver.endpoint,
        bin_directory=environment / "bin",
        variables={"PYTHONPATH": ""},
    ) as app:
        assert app.get("/hello") == (200, '"hello"')
        until(lambda: len(receiver.spans()) == 1)
        app.stop()
    assert [span.name for span in receiver.spans()] == ["GET /hello"]
    hellos = [log for _, log in receiver.logs() if log.body.string_value == "hello"]
    assert [log.trace_id for log in hellos] == [receiver.spans()[0].trace_id]
    (metrics,) = receiver.metrics().values()
    (point,) = metrics["http.server.request.duration"].histogram.data_points
    assert point.count == 1
