"""Whatever becomes of a file that the service watches: what was in force stays, and it is told."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Generator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from otel import names
from otel.testing import Recorded, recorded
from service.budgets.declared import Declared, load_budgets
from service.budgets.file import BudgetsFile
from service.errors import InvalidApiKey
from service.file_watch import FileWatch
from service.key_changes import revoke_key
from service.key_file import KeyRecord, KeysError, read_records, write_records
from service.keys import KeyStore, add_key, make_key
from service.price_watch import PriceFileWatch
from service.targets import DEFAULT_PATH, load_targets
from tests.service.running import RunningService, running, settings_for, wait_for
from tests.spoiled_files import SPOILT, remove
from tests.spoiled_files import replace as put

BUDGETS = "budgets: [{name: all, window: day, limit: {requests: 5}}]\n"
PRICES = "models: [{provider: own, model: m, prices: {input: 1}}]\n"


@pytest.fixture
def telemetry() -> Generator[Recorded]:
    with recorded() as telemetry:
        yield telemetry


def watched(store: KeyStore, telemetry: Recorded) -> FileWatch[Any]:
    return FileWatch(store.file, instruments=telemetry.telemetry.instruments, interval=3_600)


def document(*records: KeyRecord) -> bytes:
    return json.dumps({"keys": [asdict(record) for record in records]}).encode()


@pytest.mark.parametrize("kind", SPOILT)
async def test_keys_stay_in_force_while_their_file_is_spoilt_and_revocations_are_seen_after_it(
    tmp_path: Path, telemetry: Recorded, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    path = tmp_path / "keys.json"
    kept, other = add_key(tmp_path, "kept", "app"), add_key(tmp_path, "other", "app")
    records = read_records(path)
    store = KeyStore(tmp_path)
    watch = watched(store, telemetry)
    await watch.start()
    SPOILT[kind](path)
    for _ in range(3):
        await watch.look()
    assert watch.task.problem is not None
    assert str(path) in watch.task.problem
    assert (await store.authenticate(f"Bearer {kept}")).app == "kept"
    told = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(told) == 1
    assert "The keys read before stay in force." in told[0].message
    assert "Traceback" not in told[0].message
    assert telemetry.value(names.BACKGROUND_TASK_UP, gaugeway_background_task_name="keys file") == 0
    put(path, document(records[0]))
    await watch.look()
    assert watch.task.problem is None
    assert (await store.authenticate(f"Bearer {kept}")).app == "kept"
    with pytest.raises(InvalidApiKey):
        await store.authenticate(f"Bearer {other}")
    labels = {"gaugeway_configuration_file": "keys"}
    for result in ("refused", "applied"):
        value = telemetry.value(
            names.CONFIGURATION_RELOADS, **labels, gaugeway_configuration_result=result
        )
        assert value == 1, result
    await watch.close()


@pytest.mark.parametrize(
    "field",
    [
        {"digest": "é" * 64},
        {"digest": "0" * 63},
        {"digest": None},
        {"app": "a\ud800"},
        {"app": ""},
        {"app": 5},
        {"role": "root"},
        {"role": ["app"]},
        {"revoked_at": 5},
        {"revoked_at": True},
        {"revoked_at": "2026-01-01T00:00:00"},
        {"created_at": None},
        {"more": "than a key has"},
        {"id": {}},
    ],
    ids=str,
)
def test_an_entry_that_is_no_key_is_named_without_what_it_holds(
    tmp_path: Path, field: dict[str, Any]
) -> None:
    _, good = make_key("search", "app")
    entry = {**asdict(make_key("search", "app")[1]), **field}
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [asdict(good), entry]}))
    with pytest.raises(KeysError, match=r"keys\.json.*keys\.1.*"):
        read_records(tmp_path / "keys.json")


def test_a_key_that_is_there_twice_makes_nothing_of_its_revocation_undone(tmp_path: Path) -> None:
    _, record = make_key("search", "app")
    revoked = replace(record, revoked_at="2026-01-01T00:00:00+00:00")
    path = tmp_path / "keys.json"
    path.write_bytes(document(revoked, record))
    with pytest.raises(KeysError, match="two keys have the id"):
        read_records(path)
    entry = json.dumps(asdict(revoked))[:-1] + ', "revoked_at": null}'
    path.write_text(f'{{"keys": [{entry}]}}')
    with pytest.raises(KeysError, match="a field twice"):
        read_records(path)


async def test_an_empty_list_revokes_every_key(tmp_path: Path) -> None:
    key = add_key(tmp_path, "search", "app")
    store = KeyStore(tmp_path)
    store.refresh()
    put(tmp_path / "keys.json", b'{"keys": []}')
    store.refresh()
    with pytest.raises(InvalidApiKey):
        await store.authenticate(f"Bearer {key}")
    remove(tmp_path / "keys.json")
    store.refresh()


async def test_no_file_at_the_start_is_no_keys_and_no_fault(
    tmp_path: Path, telemetry: Recorded
) -> None:
    store = KeyStore(tmp_path)
    watch = watched(store, telemetry)
    await watch.start()
    assert watch.task.problem is None
    key = add_key(tmp_path, "first", "app")
    await watch.look()
    assert (await store.authenticate(f"Bearer {key}")).app == "first"
    await watch.close()


def test_keys_in_the_place_of_as_many_with_the_same_times_are_seen(tmp_path: Path) -> None:
    """As `cp --preserve` or `rsync --times` put them there."""
    _, first = make_key("search", "app")
    _, second = make_key("search", "app")
    path = tmp_path / "keys.json"
    path.write_bytes(document(first))
    store = KeyStore(tmp_path)
    store.refresh()
    before = path.stat()
    path.write_bytes(document(second))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    store.refresh()
    assert set(store.file.current) == {second.id}


@pytest.mark.parametrize("shift", [10.0**9, -(10.0**9)], ids=["the future", "the past"])
def test_times_of_the_future_or_the_past_hide_no_change(tmp_path: Path, shift: float) -> None:
    _, first = make_key("search", "app")
    path = tmp_path / "keys.json"
    store = KeyStore(tmp_path)
    for number in range(3):
        _, record = make_key(f"app{number}", "app")
        path.write_bytes(document(first, record))
        os.utime(path, (time.time() + shift, time.time() + shift))
        store.refresh()
        assert set(store.file.current) == {first.id, record.id}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningService]:
    home = tmp_path_factory.mktemp("home")
    (home / "prices.yaml").write_text("models: []\n")
    (home / "budgets.yaml").write_text("budgets: []\n")
    settings = settings_for(
        home,
        "redis://127.0.0.1:1/0",
        prices=home / "prices.yaml",
        budgets=home / "budgets.yaml",
    )
    with running(settings) as found:
        yield found


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        *(("budgets", kind) for kind in SPOILT),
        # An empty price file says that there are no prices of one's own.
        *(("prices", kind) for kind in SPOILT if kind not in ("empty", "nothing in it")),
    ],
)
async def test_budgets_and_prices_stay_in_force_while_their_file_is_spoilt(
    tmp_path: Path, telemetry: Recorded, what: str, kind: str
) -> None:
    path = tmp_path / f"{what}.yaml"
    path.write_text({"budgets": BUDGETS, "prices": PRICES}[what])
    targets = load_targets(DEFAULT_PATH, credentials={})
    instruments = telemetry.telemetry.instruments
    used: list[object] = []
    watch: FileWatch[Any]
    if what == "prices":
        watch = PriceFileWatch(path, used.append, instruments=instruments, interval=3_600)
    else:

        def read() -> Declared:
            return load_budgets(path, targets=targets, time_zone="UTC", components=frozenset())

        file = BudgetsFile(path, read)
        watch = FileWatch(file, instruments=instruments, interval=3_600, use=used.append)
    await watch.start()
    SPOILT[kind](path)
    for _ in range(2):
        await watch.look()
    assert watch.task.problem is not None
    assert len(used) == 1
    put(path, {"budgets": BUDGETS, "prices": PRICES}[what].encode())
    await watch.look()
    assert watch.task.problem is None
    await watch.close()


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("keys", "nested too deeply"),
        ("keys", "a pipe that nobody writes to"),
        ("keys", "gone"),
        ("keys", "an object for a list"),
        ("budgets", "a pipe that nobody writes to"),
        ("prices", "a link to itself"),
    ],
)
def test_a_spoilt_file_degrades_the_service_until_it_is_put_right(
    service: RunningService, what: str, kind: str
) -> None:
    home = service.runtime.settings.home
    path = home / {"keys": "keys.json"}.get(what, f"{what}.yaml")
    before = path.read_bytes()

    def problems() -> dict[str, str]:
        return service.request("GET", "/readyz").json["background"]

    assert problems() == {}
    SPOILT[kind](path)
    try:
        wait_for(lambda: f"{what} file" in problems(), "the problem to be told")
        assert service.request("GET", "/readyz").json["status"] == "degraded"
        assert service.request("GET", "/api/health", key=None).json == {"status": "degraded"}
        assert service.request("GET", "/v1/models").status == 200
    finally:
        put(path, before)
    wait_for(lambda: problems() == {}, "it to be put right")


def test_after_a_spoilt_file_a_revoked_key_opens_nothing(service: RunningService) -> None:
    home = service.runtime.settings.home
    key = add_key(home, "leaver", "app")
    wait_for(lambda: service.request("GET", "/v1/models", key=key).status == 200, "the new key")
    path = home / "keys.json"
    before = path.read_bytes()
    SPOILT["nested too deeply"](path)
    wait_for(lambda: service.request("GET", "/readyz").json["background"] != {}, "it to be told")
    assert service.request("GET", "/v1/models", key=key).status == 200
    put(path, before)
    revoke_key(home, key.split("_")[1])
    wait_for(lambda: service.request("GET", "/v1/models", key=key).status == 401, "its end")


async def test_a_look_that_blocks_keeps_no_other_work_from_going_on(
    tmp_path: Path, telemetry: Recorded
) -> None:
    """What is written into a pipe in the file's place is not waited for."""
    SPOILT["a pipe that nobody writes to"](tmp_path / "keys.json")
    store = KeyStore(tmp_path)
    async with asyncio.timeout(5):
        with pytest.raises(KeysError, match="a pipe or a device"):
            await asyncio.to_thread(store.refresh)
    write_records(tmp_path / "keys.json", [])
    store.refresh()
