"""Secrets that are planted everywhere a caller or an operator can put one appear nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel.bootstrap.cleaning import Cleaner
from otel.settings import ApiSettings, Capture
from otel.testing import Recorded
from service.runtime import Parts
from tests.service.fake_providers import BrokenProvider
from tests.service.running import RunningService, running, settings_for

PLANTED = {
    "wrong key": "gw_aaaaaaaaaaaa_plantedwrongkey000001",
    "foreign key": "sk-plantedforeignkey000002",
    "cookie": "session=plantedcookie000003",
    "query": "api_key=plantedquery000004",
    "redis": "plantedredis000005",
    "scrape": "plantedscrape000006",
    "provider": "gw_bbbbbbbbbbbb_plantedprovider000007",
    "url": "https://user:plantedurl000008@example.com/",
}
NEEDLES = [text[text.index("planted") :].split("@")[0] for text in PLANTED.values()]
PROMPT = "the prompt nobody may keep 000009"


def everything(telemetry: Recorded) -> Iterator[str]:
    """All that was emitted, as text, as it leaves for an exporter."""
    cleaner = Cleaner()
    for span in telemetry.spans():
        yield str(cleaner.span(span).to_json())
    for record in telemetry.logs():
        log = cleaner.record(record).log_record
        yield str(log.body) + repr(dict(log.attributes or {}))
    yield repr(telemetry.metrics())


def send_secrets(service: RunningService) -> list[bytes]:
    """Send every secret a caller has, in every place it fits; what came back."""
    chat = {"model": "simulated", "messages": [{"role": "user", "content": PROMPT}]}
    cookie = {"cookie": PLANTED["cookie"]}
    path = f"/v1/chat/completions?{PLANTED['query']}"
    replies = [
        service.post(path, chat, cookie),
        service.post(path, chat, cookie, key=PLANTED["wrong key"]),
        service.post(path, chat, cookie, key=PLANTED["foreign key"]),
        service.post(path, {**chat, "model": PLANTED["foreign key"]}, cookie),
        service.post(path, {**chat, "temperature": PLANTED["url"]}, cookie),
        service.post(path, {**chat, "user": PLANTED["foreign key"]}, cookie),
        service.post(path, {**chat, "stop": 5}, {"x-gaugeway-component": PLANTED["wrong key"]}),
        service.request("GET", f"/nowhere?{PLANTED['query']}", headers=cookie),
        service.request("GET", "/metrics", headers={"authorization": PLANTED["scrape"]}),
    ]
    return [reply.body for reply in replies]


@pytest.mark.parametrize("broken", [False, True])
def test_no_planted_secret_is_told_to_anybody(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    *,
    broken: bool,
) -> None:
    provider = BrokenProvider(PLANTED["provider"])
    parts = (
        Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, provider))
        if broken
        else None
    )
    settings = settings_for(
        tmp_path, f"redis://user:{PLANTED['redis']}@127.0.0.1:1/0", scrape_token=PLANTED["scrape"]
    )
    with running(settings, parts=parts) as service:
        answers = send_secrets(service)
        ready = service.request("GET", "/readyz").body
        told = [*everything(service.telemetry)]
        own_key = service.key
    output = capfd.readouterr()
    everywhere = "\n".join([*told, caplog.text, output.out, output.err, ready.decode()])
    for needle in [*NEEDLES, own_key, own_key.split("_")[2], PROMPT]:
        assert needle not in everywhere, needle
    # A caller sees its own words in what is wrong with them, but nobody's else.
    bodies = b"\n".join(answers).decode()
    for name in ("redis", "scrape", "provider", "wrong key", "cookie", "query"):
        assert NEEDLES[list(PLANTED).index(name)] not in bodies, name
    assert own_key not in bodies


@pytest.mark.parametrize("stream", [False, True])
def test_content_is_recorded_only_where_it_is_asked_for_and_redacted(
    tmp_path: Path, redis_url: str, *, stream: bool
) -> None:
    capture = ApiSettings(capture=Capture.SPAN_AND_EVENT, content_characters=500)
    with running(settings_for(tmp_path, redis_url), capture=capture) as service:
        content = f"{PROMPT} {PLANTED['foreign key']}"
        if stream:
            with service.open_stream(content) as opened:
                opened.read_to_end()
        else:
            service.chat(content)
        (span,) = service.telemetry.spans("chat simulated")
        attributes: dict[str, Any] = dict(span.attributes or {})
        asked = attributes["gen_ai.input.messages"]
        answered = attributes["gen_ai.output.messages"]
        assert PROMPT in asked
        assert "plantedforeign" not in asked
        assert json.loads(asked)[0]["parts"][0]["type"] == "text"
        assert '"role":"assistant"' in answered
        assert len(answered) <= 500
