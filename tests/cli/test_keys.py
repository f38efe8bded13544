from __future__ import annotations

import json
from datetime import datetime

import pytest

from service.errors import InvalidApiKey
from service.keys import KeyStore
from stack.home import Home
from tests.cli.conftest import Gaugeway


async def test_a_made_key_opens_the_service_as_its_app(gaugeway: Gaugeway, home: Home) -> None:
    key = gaugeway("keys", "create", "checkout").out.strip()
    store = KeyStore(home.path)
    caller = await store.authenticate(f"Bearer {key}")
    assert (caller.app, caller.role) == ("checkout", "app")


def test_the_list_shows_ids_and_never_a_secret(gaugeway: Gaugeway) -> None:
    key = gaugeway("keys", "create", "ops", "--role", "admin").out.strip()
    _, identity, secret = key.split("_")
    listed = gaugeway("keys", "list").out
    assert identity in listed
    assert "admin" in listed
    assert secret not in listed


@pytest.mark.parametrize("columns", ["20", "60"])
def test_ids_and_times_are_whole_in_a_narrow_terminal(
    gaugeway: Gaugeway, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    key = gaugeway("keys", "create", "an-app-with-quite-a-long-name-indeed", "--role", "admin").out
    gaugeway("keys", "revoke", key.split("_")[1])
    _, line = gaugeway("keys", "list").out.splitlines()
    identity, app, role, made, state, ended = line.split()
    assert (identity, app, role) == (
        key.split("_")[1],
        "an-app-with-quite-a-long-name-indeed",
        "admin",
    )
    assert state == "revoked"
    for moment in (made, ended):
        assert datetime.fromisoformat(moment).tzinfo


async def test_a_revoked_key_opens_nothing(gaugeway: Gaugeway, home: Home) -> None:
    key = gaugeway("keys", "create", "checkout").out.strip()
    assert gaugeway("keys", "revoke", key.split("_")[1]).code == 0
    with pytest.raises(InvalidApiKey):
        await KeyStore(home.path).authenticate(f"Bearer {key}")


def test_revoking_what_is_not_there_says_so(gaugeway: Gaugeway) -> None:
    ran = gaugeway("keys", "revoke", "nobody")
    assert ran.code == 1
    assert "gaugeway keys list" in ran.err


async def test_programs_are_told_in_json(gaugeway: Gaugeway, home: Home) -> None:
    made = json.loads(gaugeway("keys", "create", "ops", "--role", "admin", "--json").out)
    caller = await KeyStore(home.path).authenticate(f"Bearer {made['key']}")
    assert (caller.app, caller.role, caller.key_id) == ("ops", "admin", made["id"])
    rotated = json.loads(gaugeway("keys", "rotate", made["id"], "--json").out)
    assert (rotated["app"], rotated["role"], rotated["active"]) == ("ops", "admin", True)
    assert rotated["replaces"]["id"] == made["id"]
    assert rotated["replaces"]["active"] is False
    revoked = json.loads(gaugeway("keys", "revoke", rotated["id"], "--json").out)
    assert revoked["active"] is False
    listed = json.loads(gaugeway("keys", "list", "--json").out)["keys"]
    assert [key["id"] for key in listed] == [made["id"], rotated["id"]]
    assert not any("digest" in key for key in listed)


async def test_a_rotated_key_stops_at_once_unless_given_time(
    gaugeway: Gaugeway, home: Home
) -> None:
    old = gaugeway("keys", "create", "checkout").out.strip()
    new = gaugeway("keys", "rotate", old.split("_")[1])
    with pytest.raises(InvalidApiKey):
        await KeyStore(home.path).authenticate(f"Bearer {old}")
    assert "stopped" in new.err
    newer = gaugeway("keys", "rotate", new.out.split("_")[1], "--grace", "24h")
    for key in (new.out.strip(), newer.out.strip()):
        assert (await KeyStore(home.path).authenticate(f"Bearer {key}")).app == "checkout"
    assert "until" in gaugeway("keys", "list").out


@pytest.mark.parametrize("grace", ["-1", "1w", "100d", "soon", "1.5h"])
def test_a_time_that_cannot_be_is_refused(gaugeway: Gaugeway, grace: str) -> None:
    key = gaugeway("keys", "create", "checkout").out.strip()
    ran = gaugeway("keys", "rotate", key.split("_")[1], f"--grace={grace}")
    assert ran.code == 2
    assert "--grace" in ran.err
    assert "until" not in gaugeway("keys", "list").out


@pytest.mark.parametrize("app", ["", "  ", "x" * 65, "two\nlines"])
def test_an_app_has_a_name(gaugeway: Gaugeway, app: str) -> None:
    assert gaugeway("keys", "create", app).code == 2


def test_a_role_is_admin_or_app(gaugeway: Gaugeway) -> None:
    assert gaugeway("keys", "create", "ops", "--role", "root").code == 2


def test_a_damaged_key_file_is_one_message(gaugeway: Gaugeway, home: Home) -> None:
    (home.path / "keys.json").write_text("{")
    ran = gaugeway("keys", "list")
    assert ran.code == 1
    assert "keys.json cannot be read" in ran.err.replace("\n", " ")
