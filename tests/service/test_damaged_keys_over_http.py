"""Keys of the service's own that hold something else: no answer is a 500, and they are named."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from redis import Redis

from tests.ledger.servers import Server, programs, server
from tests.service.running import RunningService, running, settings_for

BUDGETS = """
budgets:
  - name: whole
    window: day
    limit: {usd: "10"}
    actions: [{at: 80, do: warn}, {at: 100, do: refuse}]
  - {name: each-app, scope: app, window: hour, limit: {requests: 1000}}
  - name: each-user
    scope: user
    window: day
    limit: {tokens: 100000}
    actions: [{at: 80, do: warn}]
"""
ROUTES = (
    "/admin/usage?period=today",
    "/admin/usage?period=yesterday",
    "/admin/usage?period=week",
    "/admin/usage?period=month",
    "/admin/latency?period=today",
    "/admin/history?days=3",
    "/admin/budgets",
    "/admin/notable",
    "/api/metrics",
    "/api/health",
    "/admin/monitoring",
    "/readyz",
    "/metrics",
)
TOLD = re.compile(
    r"gaugeway:\{ledger\}:(?:usage:(?:day|month|week):.*|notable:.*|budget:[^#]*(?:#values)?)(?<!:leases)"
)
"""Keys that a document is made of: of every one that is of another type a document says so."""


class Key(NamedTuple):
    """One key as it was, and what is done to it."""

    name: str
    kind: str
    damage: str


def wrong(client: Any, key: Key) -> None:
    """Put something else in its place, which lives as long as it would have."""
    if key.damage == "type":
        client.delete(key.name)
        if key.kind == "string":
            client.rpush(key.name, "something else")
        else:
            client.set(key.name, "something else")
    elif key.kind == "hash":
        for field in client.hkeys(key.name):
            client.hset(key.name, field, "no number")
    elif key.kind == "string":
        client.set(key.name, "no number", keepttl=True)
    elif key.kind == "zset":
        client.zadd(key.name, {"no summary": 10.0**15})
    else:
        client.sadd(key.name, "something else")


@pytest.fixture(params=programs().values(), ids=list(programs()))
def redis(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Server]:
    with server(request.param, tmp_path / "redis") as running_server:
        yield running_server


@pytest.fixture
def client(redis: Server) -> Generator[Any]:
    with cast("Any", Redis).from_url(redis.url) as opened:
        yield opened


@pytest.fixture
def service(redis: Server, tmp_path: Path) -> Generator[RunningService]:
    budgets = tmp_path / "budgets.yaml"
    budgets.write_text(BUDGETS)
    settings = settings_for(tmp_path / "home", redis.url, budgets=budgets)
    with running(settings) as started:
        yield started


def admin(service: RunningService) -> str:
    return (service.runtime.settings.home / "dev-admin-key").read_text().strip()


def used(service: RunningService) -> int:
    """Requests of every kind that leaves keys behind; how many are in the ledger."""
    cached = {"cache-control": "max-age=60"}
    assert service.chat("one", cached, user="ann").status == 200
    assert service.chat("one", cached, user="ann").status == 200
    assert service.chat("two", {"x-gaugeway-component": "search"}, user="bob").status == 200
    assert service.chat("three", {"x-gaugeway-simulate": json.dumps({"status": 500})}).status >= 500
    return 4


def all_keys(client: Any) -> list[Key]:
    names = sorted(name.decode() for name in client.keys("gaugeway:*"))
    found = [
        Key(name, client.type(name).decode(), damage)
        for name in names
        for damage in ("type", "numbers")
    ]
    assert {key.kind for key in found} == {"hash", "set", "string", "zset"}
    return found


def test_whichever_key_holds_something_else_no_answer_is_a_500_and_requests_go_on(
    service: RunningService, client: Any
) -> None:
    used(service)
    told: set[Key] = set()
    slow = {"x-gaugeway-simulate": json.dumps({"chunk_ms": 600_000})}
    with service.open_stream(headers=slow, user="ann") as stream:
        # What it reserves is held meanwhile.
        stream.read_until(b"data: ")
        keys = all_keys(client)
        damage_each(service, client, keys, told)
    expected = {key for key in keys if key.damage == "type" and TOLD.fullmatch(key.name)}
    assert any(key.name.endswith(":leases") for key in keys)
    assert expected - told == set()
    assert {key.kind for key in told if key.damage == "numbers"} == {"hash", "zset"}


def damage_each(service: RunningService, client: Any, keys: list[Key], told: set[Key]) -> None:
    """Each in turn; those that are told of go into `told`."""
    for key in keys:
        saved = client.dump(key.name)
        wrong(client, key)
        for route in ROUTES:
            reply = service.request("GET", route, key=admin(service))
            assert reply.status in (200, 503), (key, route, reply.body)
            if reply.status == 503:
                assert key.name in reply.error["message"], (key, route, reply.body)
                assert "Rename it" in reply.error["message"]
                told.add(key)
        assert service.chat("more", {"cache-control": "max-age=60"}, user="ann").status == 200, key
        client.restore(key.name, 0, saved, replace=True)
