"""The pages load nothing from elsewhere and run nothing that is not theirs."""

from __future__ import annotations

from tests.page import samples, tempo
from tests.page.conftest import PageUnderTest
from tests.service.running import wait_for

PAGES = ("/admin/monitoring", f"/admin/traces/{samples.TRACES[0]}", "/admin/login")


def test_every_page_has_the_strict_policy(page: PageUnderTest) -> None:
    page.tempo.answer(tempo.chat_trace())
    for path in PAGES:
        answer = page.service.request("GET", path, key=None if "login" in path else page.key)
        assert answer.status == 200
        rules = dict(
            rule.strip().split(" ", 1)
            for rule in answer.headers["content-security-policy"].split(";")
        )
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
        assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] in ("no-referrer", "same-origin")


def test_all_that_pages_ask_for_comes_from_the_service(page: PageUnderTest) -> None:
    page.tempo.answer(tempo.chat_trace())
    with page.visit() as visit:
        for path in PAGES:
            visit.open(path)
        visit.page.wait_for_load_state("networkidle")
        assert len(visit.requests) >= 10
        assert all(url.startswith(page.service.url) for url in visit.requests)


def test_what_is_put_into_a_page_does_not_run_and_is_noticed(page: PageUnderTest) -> None:
    plant = """() => {
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', '<img src="https://elsewhere.example/x">');
    }"""
    with page.visit() as visit:
        visit.open("/admin/monitoring")
        visit.page.evaluate(plant)
        assert not visit.page.evaluate("'ran' in window")
        # Asking the page for anything lets its messages in.
        wait_for(lambda: visit.page.title() and len(visit.messages) >= 2, "both complaints")
        told = "\n".join(visit.complaints())
        assert "script-src" in told
        assert "img-src" in told
        visit.messages.clear()
        visit.requests.clear()
