"""Fixtures: one browser for these tests, one Redis, and a service with a test's own figures."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from service.keys import add_key
from tests.page.browser import Visit, chromium, visit
from tests.page.serving import Figures, serve
from tests.page.tempo import Tempo, tempo
from tests.service.redis_server import redis_in
from tests.service.running import RunningService, running, settings_for

GRAFANA = "https://grafana.example"


@dataclass
class PageUnderTest:
    """A running service, the figures it shows, and the way to look at it."""

    service: RunningService
    figures: Figures
    tempo: Tempo
    key: str
    browser: Browser

    def visit(self, *, signed_in: bool = True, **options: Any) -> AbstractContextManager[Visit]:
        """A window; `signed_in`: with an admin's key at every request."""
        key = self.key if signed_in else None
        return visit(self.browser, self.service.url, key=key, **options)

    def show(self, figures: Figures) -> None:
        """Have the page show these."""
        self.figures = figures
        serve(self.service.app, figures)


# Not longer: while Playwright's loop runs no test elsewhere can run one of its own.
@pytest.fixture(scope="package")
def browser() -> Generator[Browser]:
    with sync_playwright() as playwright:
        # A container's root has no sandbox to drop into; there is no graphics card either.
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        opened = playwright.chromium.launch(executable_path=chromium(), args=options)
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with redis_in(tmp_path_factory) as url:
        yield url


@pytest.fixture(scope="module")
def running_page(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, browser: Browser
) -> Generator[PageUnderTest]:
    home: Path = tmp_path_factory.mktemp("home")
    with tempo() as stand_in:
        settings = settings_for(home, redis_url, grafana_url=GRAFANA, tempo_url=stand_in.url)
        with running(settings) as service:
            key = add_key(home, "operations", "admin")
            yield PageUnderTest(service, Figures(), stand_in, key, browser)


@pytest.fixture
def page(running_page: PageUnderTest) -> PageUnderTest:
    """The page on a busy day; each test starts from the same."""
    running_page.show(Figures())
    running_page.tempo.status, running_page.tempo.delay = 200, 0.0
    return running_page
