"""Everybody can use the page: by axe, by keyboard, on a phone, in any light."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.page import samples, tempo
from tests.page.browser import Visit
from tests.page.conftest import PageUnderTest
from tests.page.serving import Figures, empty

STATES: dict[str, Callable[[], Figures]] = {
    "full": Figures,
    "empty": empty,
    "broken": lambda: Figures(available=False, waiting=37),
}
SCHEMES = ("light", "dark")


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    page: PageUnderTest, state: str, scheme: str, phone: bool
) -> None:
    page.show(STATES[state]())
    with page.visit(phone=phone, color_scheme=scheme) as visit:
        visit.open("/admin/monitoring")
        open_everything(visit)
        assert visit.violations() == []
        assert visit.overflow() <= 0
        visit.keep(f"monitoring-{state}-{scheme}-{'phone' if phone else 'desk'}")


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_on_the_waterfall_and_the_login(
    page: PageUnderTest, scheme: str, phone: bool
) -> None:
    page.tempo.answer(tempo.chat_trace("chat " + "a-very-long-model-name" * 6))
    size = "phone" if phone else "desk"
    with page.visit(phone=phone, color_scheme=scheme) as visit:
        visit.open(f"/admin/traces/{samples.TRACES[0]}")
        for summary in visit.page.locator("summary").all():
            summary.click()
        assert visit.violations() == []
        assert visit.overflow() <= 0
        visit.keep(f"trace-{scheme}-{size}")
    with page.visit(phone=phone, color_scheme=scheme, signed_in=False) as visit:
        visit.expected = ("401",)
        visit.open("/admin/monitoring")
        visit.page.get_by_label("API key of the role admin").fill("gw_wrong")
        visit.page.keyboard.press("Enter")
        expect(visit.page.get_by_role("alert")).to_be_visible()
        assert visit.violations() == []
        assert visit.overflow() <= 0
        visit.keep(f"login-{scheme}-{size}")


def test_axe_is_awake(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        visit.page.evaluate("document.getElementById('cost-today').style.color = '#ccc'")
        visit.page.evaluate(
            "document.querySelector('main').append(document.createElement('input'))"
        )
        assert {"color-contrast", "label"} <= {
            violation[2:].split('"')[0] for violation in visit.violations()
        }


def test_the_keyboard_alone_reaches_and_works_everything(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        keys = visit.page.keyboard
        keys.press("Tab")
        assert focused(visit.page) == "Skip to content"
        keys.press("Enter")
        assert visit.page.evaluate("document.activeElement.id") == "main"
        assert tab_to(visit.page, "Pause updates")
        keys.press("Space")
        expect(visit.page.locator("#pause")).to_have_attribute("aria-pressed", "true")
        assert tab_to(visit.page, "By app")
        keys.press("Enter")
        expect(visit.page.locator("#chart-app")).to_be_visible()
        assert tab_to(visit.page, "Show as table")
        keys.press("Enter")
        expect(visit.page.locator("#table-app")).to_be_visible()
        keys.press("Tab")
        assert visit.page.evaluate("document.activeElement.id") == "table-app"
        assert tab_to(visit.page, "By app 5")
        keys.press("Space")
        expect(visit.page.locator("#breakdown-app")).to_have_attribute("open", "")
        assert tab_to(visit.page, "Waterfall")
        page.tempo.answer(tempo.chat_trace())
        keys.press("Enter")
        visit.page.wait_for_url("**/admin/traces/**")


def test_what_has_the_focus_can_be_seen(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        for _ in range(25):
            visit.page.keyboard.press("Tab")
            outline = visit.page.evaluate(
                "(e => [e.outlineStyle, parseFloat(e.outlineWidth)])"
                "(getComputedStyle(document.activeElement))"
            )
            assert outline[0] != "none", focused(visit.page)
            assert outline[1] >= 2, focused(visit.page)


def test_only_the_state_of_updates_is_announced(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        live = visit.page.locator("[aria-live], [role=status], [role=alert], [role=log]")
        assert live.evaluate_all("all => all.map(one => one.id)") == ["update-state"]


def test_parts_have_headings_and_landmarks(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        for name in ("Today UTC", "Cost per day 30 days", "Budgets", "Requests of the last hour"):
            assert visit.page.get_by_role("heading", name=name).count() == 1, name
        for role in ("banner", "main"):
            assert visit.page.get_by_role(role).count() == 1  # pyright: ignore[reportArgumentType] - both are roles
        image = visit.page.get_by_role("img", name="Stacked bars of cost per day by model")
        assert "The dearest day is" in (image.get_attribute("aria-label") or "")
        for name in ("Budgets, those", "Dearest", "Slowest", "Failed"):
            assert visit.page.get_by_role("table", name=name).count() == 1, name


def test_on_a_phone_rows_are_still_rows_of_a_table_to_a_screen_reader(page: PageUnderTest) -> None:
    with page.visit(phone=True) as visit:
        visit.open("/admin/monitoring")
        table = visit.page.get_by_role("table", name="Budgets, those")
        assert table.get_by_role("row").count() == 1 + len(page.figures.budgets)
        assert table.get_by_role("columnheader").count() == 10


def test_nothing_moves_for_who_wants_nothing_to_move(page: PageUnderTest) -> None:
    with page.visit(reduced_motion="reduce") as visit:
        visit.open("/admin/monitoring")
        assert visit.page.evaluate("document.getAnimations().length") == 0


def test_the_page_prints_without_buttons(page: PageUnderTest) -> None:
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        visit.page.emulate_media(media="print")
        assert visit.page.locator("#pause").is_hidden()
        assert visit.page.locator("#cost-today").is_visible()


def open_everything(visit: Visit) -> None:
    """Unfold all there is, so that nothing hides from axe."""
    for button in visit.page.locator(".show-table:visible").all():
        button.click()
    visit.page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")


def focused(page: Page) -> str:
    """The text of what has the focus."""
    return str(page.evaluate("document.activeElement.innerText.trim().replace(/\\s+/g, ' ')"))


def tab_to(page: Page, text: str, most: int = 60) -> bool:
    """Press Tab until something of that text has the focus."""
    for _ in range(most):
        if focused(page) == text:
            return True
        page.keyboard.press("Tab")
    return False
