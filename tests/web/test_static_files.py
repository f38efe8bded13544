"""What is vendored is what its manifest says; what is served is all there is and nothing else."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder

from service.web.static_files import PREFIX, static_files, static_url
from tests.service.running import RunningService, running, settings_for

ROOT = Path(__file__).parents[2]
WEB = ROOT / "service" / "web"
MANIFESTS = (
    WEB / "static" / "vendor" / "manifest.json",
    ROOT / "tests" / "page" / "axe" / "manifest.json",
)


@pytest.mark.parametrize("path", MANIFESTS, ids=["shipped", "for tests"])
def test_every_vendored_file_is_what_its_manifest_says(path: Path) -> None:
    entries: list[dict[str, Any]] = json.loads(path.read_text())["files"]
    scripts = {file.name for file in path.parent.iterdir() if file.suffix == ".js"}
    assert scripts == {entry["file"] for entry in entries}
    for entry in entries:
        content = (path.parent / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert entry["version"].encode() in content[:400]
        assert (path.parent / entry["license_file"]).stat().st_size > 500


def test_nothing_of_the_pages_names_another_host_or_runs_inside_a_page() -> None:
    own = [path for path in WEB.rglob("*") if path.suffix in (".html", ".css", ".js")]
    own = [path for path in own if "vendor" not in path.parts]
    assert len(own) > 10
    for path in own:
        text = path.read_text()
        assert not re.search(r"(?:src|href|url|import|fetch)\W{1,4}(?:https?:)?//", text), path
        if path.suffix == ".html":
            assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", text), path


def test_the_wheel_holds_every_template_and_file() -> None:
    builder = WheelBuilder(str(ROOT))
    shipped = {str(file.distribution_path) for file in builder.recurse_included_files()}
    wanted = {
        str(path.relative_to(ROOT))
        for folder in ("templates", "static")
        for path in (WEB / folder).rglob("*")
        if path.is_file()
    }
    assert len(wanted) > 15
    assert wanted <= shipped


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = settings_for(tmp_path_factory.mktemp("home"), "redis://127.0.0.1:9/0")
    with running(settings) as found:
        yield found


def test_files_are_served_without_a_key_and_kept_by_their_version(service: RunningService) -> None:
    for name, file in static_files().items():
        answer = service.request("GET", static_url(name), key=None)
        assert answer.status == 200
        assert answer.body == file.content
        assert answer.headers["content-type"] == file.media_type
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        plain = service.request("GET", PREFIX + name, key=None)
        assert plain.headers["cache-control"] == "no-cache"
        known = {"if-none-match": plain.headers["etag"]}
        assert service.request("GET", PREFIX + name, headers=known, key=None).status == 304


@pytest.mark.parametrize(
    "path",
    [
        *("", "vendor", "vendor/manifest.json", "vendor/chart.LICENSE.md", "nothing", "Page.css"),
        *("../templates/login.html", "..%2ftemplates%2flogin.html", "page.css/", "page.css%00"),
    ],
)
def test_nothing_else_is_served_beside_them(service: RunningService, path: str) -> None:
    assert service.request("GET", PREFIX + path, key=None).status == 404
