"""Real Chromium: pages that tell everything that went wrong on them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARTIFACTS = Path(__file__).parents[2] / "build-report" / "page"
AXE = Path(__file__).with_name("axe") / "axe.min.js"
DESK = {"width": 1400, "height": 900}
PHONE = {"width": 360, "height": 740}


def chromium() -> str:
    """The system's browser; a test without it fails, it is not skipped."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert found is not None, f"none of {', '.join(PROGRAMS)} is on PATH: apt install chromium"
    return found


@dataclass
class Visit:
    """One page and what its browser said; `expected` are parts of messages that a test provokes."""

    page: Page
    context: BrowserContext
    host: str
    messages: list[str] = field(default_factory=list[str])
    requests: list[str] = field(default_factory=list[str])
    expected: tuple[str, ...] = ()

    def open(self, path: str) -> int:
        """Open a path of the service; the status."""
        answer = self.page.goto(f"{self.host}{path}")
        assert answer is not None
        return answer.status

    def text(self, selector: str) -> str:
        """The text of one element."""
        return self.page.locator(selector).inner_text()

    def exact(self, selector: str) -> list[str]:
        """The exact figures in an element, which stand beside the rounded ones."""
        found: list[str] = self.page.locator(f"{selector} data").evaluate_all(
            "all => all.map(one => one.value)"
        )
        return found

    def overflow(self) -> int:
        """How many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def violations(self) -> list[str]:
        """What axe finds against WCAG A and AA, each with the elements concerned."""
        if not self.page.evaluate("'axe' in window"):
            # By the debugger, which the page's policy does not bind as it binds scripts.
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: Any = self.page.evaluate(
            """async () => (await axe.run(document, {
                runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
            })).violations.map(one => [one.id, one.nodes.map(node => node.html.slice(0, 200))])"""
        )
        return [json.dumps(violation) for violation in found]

    def keep(self, name: str) -> None:
        """Keep a screenshot for people to look at."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)

    def complaints(self) -> list[str]:
        """What went wrong and was not expected: errors, broken policy, requests elsewhere."""
        own = urlsplit(self.host).netloc
        elsewhere = [
            f"asked {url}"
            for url in self.requests
            if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != own
        ]
        said = [
            message
            for message in self.messages
            if not any(part in message for part in self.expected)
        ]
        return elsewhere + said

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.messages.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def listen(self) -> None:
        """Note everything from now on."""
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.messages.append(f"uncaught: {error}"))
        self.page.on("dialog", self._dialog)
        self.context.on("request", self._asked)

    def _dialog(self, dialog: Any) -> None:
        self.messages.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@contextmanager
def visit(
    browser: Browser, host: str, *, key: str | None = None, phone: bool = False, **options: Any
) -> Generator[Visit]:
    """A window of its own; on leaving it nothing may have gone wrong."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    context = browser.new_context(
        viewport=PHONE if phone else DESK,  # pyright: ignore[reportArgumentType] - a plain dict is one
        extra_http_headers=headers,
        **options,
    )
    try:
        context.set_default_timeout(15_000)
        found = Visit(context.new_page(), context, host)
        found.listen()
        yield found
        assert found.complaints() == []
    finally:
        context.close()
