from __future__ import annotations

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
    key = gaugeway("keys", "create", "ops", "--admin").out.strip()
    _, identity, secret = key.split("_")
    listed = gaugeway("keys", "list").out
    assert identity in listed
    assert "admin" in listed
    assert secret not in listed


async def test_a_revoked_key_opens_nothing(gaugeway: Gaugeway, home: Home) -> None:
    key = gaugeway("keys", "create", "checkout").out.strip()
    assert gaugeway("keys", "revoke", key.split("_")[1]).code == 0
    with pytest.raises(InvalidApiKey):
        await KeyStore(home.path).authenticate(f"Bearer {key}")


def test_revoking_what_is_not_there_says_so(gaugeway: Gaugeway) -> None:
    ran = gaugeway("keys", "revoke", "nobody")
    assert ran.code == 1
    assert "gaugeway keys list" in ran.err


def test_a_damaged_key_file_is_one_message(gaugeway: Gaugeway, home: Home) -> None:
    (home.path / "keys.json").write_text("{")
    ran = gaugeway("keys", "list")
    assert ran.code == 1
    assert "keys.json cannot be read" in ran.err.replace("\n", " ")
