"""API keys: who may call, how they are stored, and how a changed file is taken up."""

from __future__ import annotations

import json
import multiprocessing
import stat
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.dev_keys import DEV_ADMIN_KEY, ensure_dev_key
from service.errors import InvalidApiKey, PermissionDenied
from service.key_changes import revoke_key, rotate_key
from service.key_file import KeysError, read_records, write_records
from service.keys import Caller, KeyStore, add_key, holds, make_key, split_key
from tests.service.running import RunningService, wait_for
from tests.spoiled_files import SPOILT


async def test_a_key_names_its_app_and_role(tmp_path: Path) -> None:
    text = add_key(tmp_path, "search", "admin")
    store = KeyStore(tmp_path)
    store.refresh()
    caller = await store.authenticate(f"Bearer {text}")
    assert (caller.app, caller.role) == ("search", "admin")
    assert (await store.authenticate(f"bearer  {text} ")) == caller


@pytest.mark.parametrize("change", ["id", "secret", "none", "revoked"])
async def test_what_is_not_exactly_an_active_key_is_refused(tmp_path: Path, change: str) -> None:
    text = add_key(tmp_path, "search", "app")
    prefix, identity, secret = text.split("_")
    if change == "revoked":
        (record,) = read_records(tmp_path / "keys.json")
        document = {"keys": [{**asdict(record), "revoked_at": "2026-01-01T00:00:00+00:00"}]}
        (tmp_path / "keys.json").write_text(json.dumps(document))
    store = KeyStore(tmp_path)
    store.refresh()
    sent = {
        "id": f"Bearer {prefix}_{identity[::-1]}x_{secret}",
        "secret": f"Bearer {prefix}_{identity}_{secret[:-1]}",
        "none": None,
        "revoked": f"Bearer {text}",
    }[change]
    with pytest.raises(InvalidApiKey) as caught:
        await store.authenticate(sent)
    assert secret not in str(caught.value)


@given(st.text())
def test_any_text_is_a_key_or_it_is_not(text: str) -> None:
    pair = split_key(text)
    assert pair is None or text == f"gw_{pair[0]}_{pair[1]}"


def test_the_secret_is_stored_nowhere_but_in_the_dev_key_file(tmp_path: Path) -> None:
    text = ensure_dev_key(tmp_path)
    secret = text.split("_")[2]
    assert len(secret) == 64
    assert (tmp_path / "keys-audit.log").exists()
    for file in tmp_path.iterdir():
        assert (secret in file.read_text()) is (file.name == "dev-api-key")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_dev_key_stays_the_same(tmp_path: Path) -> None:
    assert ensure_dev_key(tmp_path) == ensure_dev_key(tmp_path)


@pytest.mark.parametrize("kind", ["a pipe that nobody writes to", "binary", "a link to itself"])
def test_a_spoilt_dev_key_is_replaced_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    first = ensure_dev_key(tmp_path)
    SPOILT[kind](tmp_path / "dev-api-key")
    second = ensure_dev_key(tmp_path)
    assert second != first
    assert (tmp_path / "dev-api-key").read_text() == second + "\n"


def test_a_lost_dev_key_is_replaced_and_revoked(tmp_path: Path) -> None:
    first = ensure_dev_key(tmp_path)
    (tmp_path / "dev-api-key").unlink()
    second = ensure_dev_key(tmp_path)
    assert second != first
    old, new = read_records(tmp_path / "keys.json")
    assert old.revoked_at is not None
    assert new.revoked_at is None
    noted = map(json.loads, (tmp_path / "keys-audit.log").read_text().splitlines())
    assert [(line["action"], line["key"]) for line in noted] == [
        ("create", old.id),
        ("revoke", old.id),
        ("create", new.id),
    ]


def test_a_key_that_an_operator_made_outlives_a_lost_dev_key(tmp_path: Path) -> None:
    add_key(tmp_path, "dev", "app")
    ensure_dev_key(tmp_path)
    (tmp_path / "dev-api-key").unlink()
    ensure_dev_key(tmp_path)
    operators, lost, new = read_records(tmp_path / "keys.json")
    assert (operators.revoked_at, new.revoked_at) == (None, None)
    assert lost.revoked_at is not None


def test_a_dev_key_whose_id_was_not_remembered_is_remembered_when_it_is_seen(
    tmp_path: Path,
) -> None:
    ensure_dev_key(tmp_path)
    (tmp_path / "dev-api-key.ids").unlink()
    ensure_dev_key(tmp_path)
    (tmp_path / "dev-api-key").unlink()
    ensure_dev_key(tmp_path)
    lost, _ = read_records(tmp_path / "keys.json")
    assert lost.revoked_at is not None


async def test_an_operator_in_dev_finds_a_key_at_hand(tmp_path: Path) -> None:
    app, admin = ensure_dev_key(tmp_path), ensure_dev_key(tmp_path, DEV_ADMIN_KEY)
    assert (tmp_path / "dev-admin-key").read_text() == admin + "\n"
    assert stat.S_IMODE((tmp_path / "dev-admin-key").stat().st_mode) == 0o600
    store = KeyStore(tmp_path)
    assert (await store.authenticate(f"Bearer {admin}")).role == "admin"
    assert (await store.authenticate(f"Bearer {app}")).role == "app"
    assert ensure_dev_key(tmp_path, DEV_ADMIN_KEY) == admin


def test_many_workers_at_once_make_one_dev_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        keys = pool.map(ensure_dev_key, [tmp_path] * 8)
    assert len(set(keys)) == 1
    assert len(read_records(tmp_path / "keys.json")) == 1


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"keys": {}}',
        '{"keys": 5}',
        '{"keys": [{}]}',
        '{"keys": [{"id": 1}]}',
        "\x00",
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_the_keys_so_far_stay(
    tmp_path: Path, content: str
) -> None:
    text, record = make_key("search", "app")
    write_records(tmp_path / "keys.json", [record])
    store = KeyStore(tmp_path)
    store.refresh()
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(KeysError, match=r"keys\.json"):
        store.refresh()
    assert split_key(text) is not None


def test_an_admin_may_what_an_app_may_and_not_the_other_way_round() -> None:
    Caller("a", "admin", "1").require("app")
    with pytest.raises(PermissionDenied):
        Caller("a", "app", "1").require("admin")


def test_a_rotated_key_is_replaced_by_one_like_it(tmp_path: Path) -> None:
    old = add_key(tmp_path, "search", "admin")
    text, new, ending = rotate_key(tmp_path, old.split("_")[1])
    assert text != old
    assert (new.app, new.role) == ("search", "admin")
    assert holds(new, text)
    assert not ending.active(datetime.now(UTC))
    assert read_records(tmp_path / "keys.json") == [ending, new]


async def test_a_rotated_key_may_be_given_time(tmp_path: Path) -> None:
    began = datetime(2026, 11, 21, 12, tzinfo=UTC)
    now = [began]
    old = add_key(tmp_path, "search", "app")
    _, _, ending = rotate_key(tmp_path, old.split("_")[1], grace=timedelta(hours=1), now=began)
    store = KeyStore(tmp_path, now=lambda: now[0])
    assert (await store.authenticate(f"Bearer {old}")).app == "search"
    with pytest.raises(KeysError, match="rotated before"):
        rotate_key(tmp_path, ending.id, now=began)
    now[0] += timedelta(hours=1)
    with pytest.raises(InvalidApiKey):
        await store.authenticate(f"Bearer {old}")
    assert store.holder(ending.id) is None


def test_a_key_in_its_time_of_grace_can_still_be_revoked(tmp_path: Path) -> None:
    identity = add_key(tmp_path, "search", "app").split("_")[1]
    rotate_key(tmp_path, identity, grace=timedelta(hours=1))
    assert not revoke_key(tmp_path, identity).active(datetime.now(UTC))
    for change in (revoke_key, rotate_key):
        with pytest.raises(KeysError, match="was revoked"):
            change(tmp_path, identity)
        with pytest.raises(KeysError, match="no key with the id 'nobody'"):
            change(tmp_path, "nobody")


def test_every_change_of_a_key_is_written_down(tmp_path: Path) -> None:
    text = add_key(tmp_path, "search", "admin")
    _, identity, secret = text.split("_")
    _, new, _ = rotate_key(tmp_path, identity)
    revoke_key(tmp_path, new.id)
    log = (tmp_path / "keys-audit.log").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert [(line["action"], line["key"]) for line in lines] == [
        ("create", identity),
        ("rotate", identity),
        ("create", new.id),
        ("revoke", new.id),
    ]
    assert all((line["app"], line["role"]) == ("search", "admin") for line in lines)
    assert secret not in log


@pytest.mark.parametrize("moment", ["2026-01-01T00:00:00", "yesterday", 5, ""])
def test_an_end_that_is_no_moment_makes_the_file_unusable(tmp_path: Path, moment: object) -> None:
    add_key(tmp_path, "search", "app")
    (record,) = read_records(tmp_path / "keys.json")
    document = {"keys": [{**asdict(record), "revoked_at": moment}]}
    (tmp_path / "keys.json").write_text(json.dumps(document))
    with pytest.raises(KeysError, match=r"keys\.json"):
        read_records(tmp_path / "keys.json")


def test_a_new_key_works_at_once_and_a_revoked_one_soon_does_not(
    service: RunningService,
) -> None:
    home = service.runtime.settings.home
    text = add_key(home, "fresh", "app")
    wait_for(lambda: service.request("GET", "/v1/models", key=text).status == 200, "the new key")
    write_records(home / "keys.json", [])
    wait_for(lambda: service.request("GET", "/v1/models", key=text).status == 401, "its end")
