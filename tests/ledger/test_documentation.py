"""What docs/ledger.md says is so: settings, metrics, keys, sizes, and the command it shows."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis

from bench import ledger as bench
from otel import names
from service.books import TIMEOUT_SECONDS
from service.budgets.declared import DEFAULT_PATH
from service.ledger import recording
from service.ledger.adoption import LOOK_SECONDS
from service.ledger.calendar import PREFIX
from service.ledger.counters import DIMENSIONS
from service.ledger.entry import TOKEN_KINDS, Charge, LossKind
from service.ledger.journal import write_line
from service.ledger.latency import BOUNDS_US
from service.ledger.lost_workers import LOOK_SECONDS as LOST_LOOK_SECONDS
from service.ledger.notable import MOST
from service.ledger.open_requests import LOST
from service.ledger.presence import ABSENT_SECONDS, SIGN_SECONDS, SILENT_SECONDS, channel_of
from service.ledger.recording import Bounds, Numbered
from service.ledger.writer import UNSYNCED_SECONDS, Resend
from service.redis_embedded import EmbeddedRedis, find_server
from service.settings import Settings
from tests.ledger.building import NOON, entry, opened
from tests.ledger.servers import Server

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
"""The page, its paragraphs' line ends as they are."""
FLAT = " ".join(TEXT.split())


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its first two lines."""
    below = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in below.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def block(language: str, containing: str) -> str:
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", TEXT, re.DOTALL | re.MULTILINE)
    (one,) = [text for text in found if containing in text]
    return one


@cache
def measured() -> dict[str, Any]:
    """The page's own figures."""
    return json.loads(block("json", '"bench"'))


def _default(field: str) -> int:
    return Settings.model_fields[field].default


def test_every_setting_of_the_ledger_is_there_with_its_default() -> None:
    told = {name.strip("`"): default.strip("`") for name, default, _ in rows("Settings")}
    fields = Settings.model_fields
    own = {
        f"GAUGEWAY_{field.upper()}"
        for field in fields
        if field.startswith(("ledger_", "journal_", "user_hash"))
    }
    assert own <= told.keys()
    for variable, default in told.items():
        value = fields[variable.removeprefix("GAUGEWAY_").lower()].default
        assert default == ("" if value is None else str(value)), variable


def test_every_counter_and_dimension_is_there() -> None:
    told = set(re.findall(r"`([^`]+)`", " ".join(row[0] for row in rows("What is counted"))))
    one = entry(
        1,
        error="e",
        cache_hit=True,
        estimated=True,
        characters=1,
        milliseconds=1,
        saved_by_response_cache=1,
        saved_by_prompt_cache=1,
        tokens=dict.fromkeys(TOKEN_KINDS, 1),
    )
    counted = {*recording.counters.counters_of(one)} | {
        *recording.counters.counters_of(replace(one, cost=None))
    }
    buckets = {counter for counter in counted if counter.startswith("le")}
    assert told - {"le1.0", f"le1.{len(BOUNDS_US)}"} == counted - buckets
    assert "Counted by " + ", ".join(f"`{name}`" for name in DIMENSIONS[:-1]) in FLAT
    assert f"`{DIMENSIONS[-1]}` and user" in FLAT


def test_bounds_and_times_are_those_of_the_code() -> None:
    for said in (
        f"keeps {Bounds().values:,} values of each dimension apart, and {Bounds().users:,} users",
        f"read from {len(BOUNDS_US) + 1} buckets: {len(BOUNDS_US)} bounds from "
        f"{BOUNDS_US[0] // 1000} ms to {BOUNDS_US[-1] // 10**6} s",
        f"has had all of it for {UNSYNCED_SECONDS:g} seconds",
        f"in memory for {Resend().seconds:g} seconds",
        f"does not answer within {TIMEOUT_SECONDS:g} seconds",
        f"they look every {LOOK_SECONDS:g} seconds",
        f"window: {_default('ledger_dedupe_seconds'):,} seconds by default",
        f"the {MOST} dearest",
        f"`GAUGEWAY_CACHE_MAX_BYTES` ({_default('cache_max_bytes') >> 20} MiB)",
    ):
        assert said in FLAT, said


def test_when_a_killed_worker_is_missed_is_as_told() -> None:
    looks = ABSENT_SECONDS + 2 * LOST_LOOK_SECONDS
    assert looks <= 3
    words = " ".join(TEXT.split())
    for told in (
        f"looks every {LOST_LOOK_SECONDS} seconds",
        f"after {'a minute' if SILENT_SECONDS == 60 else SILENT_SECONDS}",
        f"each gives every {'ten' if SIGN_SECONDS == 10 else SIGN_SECONDS} seconds",
        f"channels `{channel_of('')}*`",
        f"outcome and error `{LOST}`",
        names.WORKERS_LOST.prometheus,
    ):
        assert told in words, told


def test_what_a_lost_entry_is_counted_in_is_there() -> None:
    told = {row[0].strip("`") for row in rows("When Redis is away")}
    kinds = {name for name in told if name.startswith(("journal_", "redis_"))}
    assert kinds == set(LossKind.__args__)
    assert names.LEDGER_DROPPED.name in TEXT
    for query in (block("promql", "increase("), block("promql", "sum(gaugeway_")):
        used = set(re.findall(r"gaugeway_\w+", query))
        assert used <= {names.LEDGER_DROPPED.prometheus, names.LEDGER_PENDING.prometheus}


def test_a_journal_holds_as_many_requests_as_the_page_says() -> None:
    budgets = DEFAULT_PATH.read_text().count("\n  - name: ")
    charge = Charge(
        f"{PREFIX}budget:everything-monthly:whole:usd:month:20261101T000000Z",
        36_400_000,
        None,
        NOON,
    )
    one = entry(1, user="0" * 16, charges=(charge,) * budgets)
    size = len(write_line(Numbered(1_000, one)))
    told, mebibytes, requests = re.findall(
        r"about (\d+) bytes, so (\d+) MiB hold about ([\d,]+) requests", FLAT
    )[0]
    assert int(told) == pytest.approx(size, rel=0.1)
    assert int(mebibytes) << 20 == _default("journal_max_bytes")
    assert int(requests.replace(",", "")) == pytest.approx(
        (int(mebibytes) << 20) / int(told), rel=0.01
    )


def test_an_entry_takes_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes, which are the same on every machine; of CPU only what is told for which group."""
    told = measured()
    bench.main(["--entries", "2000"])
    now = json.loads(capsys.readouterr().out)
    assert now.keys() == told.keys()
    for one, other in zip(now["results"], told["results"], strict=True):
        assert one.keys() == other.keys()
        assert one["group"] == other["group"]
        assert one["file_bytes"] == pytest.approx(other["file_bytes"], rel=0.1)
    kept = now["redis_memory_bytes"]
    assert kept == pytest.approx(told["redis_memory_bytes"], rel=0.15)
    in_table = [int(row[1]) for row in rows("What it takes")]
    assert in_table == list(told["redis_memory_bytes"].values())


def test_what_memory_is_needed_follows_from_what_was_measured() -> None:
    kept = measured()["redis_memory_bytes"]
    hours, days, months = (_default(f"ledger_{grain}") for grain in ("hours", "days", "months"))
    # The present hour, day and month are kept too; by week only users are.
    values = hours + days + months + 3
    users = values + days // 7 + 1
    assert f"at most {values} buckets: {hours} hours, {days} days, {months} months" in FLAT
    assert f"at most {users}: with users by week" in FLAT
    each, user = values * kept["value"] / 1e6, users * kept["user"] / 1e3
    assert f"takes {each:.2f} MB in all, a user {user:.0f} KB" in FLAT
    window = _default("ledger_dedupe_seconds")
    ids = [100 * seconds * kept["remembered_entry"] / 1e6 for seconds in (window, window + 600)]
    assert f"remembered in {ids[0]:.0f} to {ids[1]:.0f} MB" in FLAT
    together = (40 + 20) * each + 1_000 * user / 1e3 + ids[1]
    assert f"that makes {round(together, -1):.0f} MB" in FLAT


def test_the_memory_of_the_compose_file_is_as_told() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    command = services["redis"]["command"]
    memory = command[command.index("--maxmemory") + 1]
    assert f"| memory | {memory.removesuffix('mb')} MB |" in TEXT
    assert f"the {memory.removesuffix('mb')} MB of the Compose file" in FLAT


async def test_the_command_shows_the_counters_of_a_day(redis: Server, tmp_path: Path) -> None:
    lines = block("text", "chat requests").splitlines()
    shown = dict(line.removeprefix("chat ").split("\t") for line in lines)
    day = "2035-11-21"
    one = entry(
        1,
        user="6c97ac3e72b35127",
        cost=int(shown["cost"]),
        latency_us=int(shown["latency_us"]),
        tokens={kind: int(shown[kind]) for kind in TOKEN_KINDS if kind in shown},
    )
    async with opened(redis.url, tmp_path) as parts:
        assert (await parts.ledger.post(one)).outcome == "applied"
        keys = await parts.redis.run("KEYS", _keys)
    command = block("sh", "redis-cli").replace(
        '"$GAUGEWAY_HOME/run/redis.sock"', redis.url.removeprefix("unix://")
    )
    command = command.replace("redis-cli", str(find_server().with_name("redis-cli")))
    done = subprocess.run(
        ["bash", "-c", command.replace("2026-11-21", day)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert sorted(done.stdout.splitlines()) == sorted(lines)
    shapes = {_shape(row[0].strip("`")) for row in rows("Keys")}
    for key in keys:
        assert _shape(key.decode().removeprefix(PREFIX)) in shapes, key


async def _keys(client: Any) -> list[bytes]:
    return await client.keys("*")


def _shape(key: str) -> str:
    """A key without what differs from one to the next."""
    kinds = "|".join((*DIMENSIONS, "model"))
    key = re.sub(rf":({kinds})$", ":DIMENSION", key)
    key = re.sub(r":(hour|day|week|month):", ":GRAIN:", key)
    key = re.sub(r":(slowest|failed|dearest):", ":KIND:", key)
    return re.sub(r"(?<=:)(<worker>|[\w-]*\d[\w-]*)(?=:|$)", "N", key)


def test_the_embedded_redis_is_set_up_as_the_page_says(tmp_path: Path) -> None:
    embedded = EmbeddedRedis(tmp_path / "home")
    try:
        with Redis.from_url(embedded.start()) as client:  # pyright: ignore[reportUnknownMemberType] - untyped kwargs
            redis: Any = client
            found: dict[str, str] = {}
            for name in ("appendonly", "appendfsync", "maxmemory-policy", "maxmemory"):
                found.update(redis.config_get(name))
    finally:
        embedded.leave()
    assert found == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "maxmemory": "0",
    }
    assert "`appendonly yes`, `appendfsync everysec` | set | set |" in TEXT
    assert "`maxmemory-policy noeviction` | set | set |" in TEXT
