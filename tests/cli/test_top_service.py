"""`gaugeway top` against the real service: what it shows is what was asked and counted."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Generator
from decimal import Decimal
from pathlib import Path

import pytest

from cli.main import main
from service.key_file import read_records
from service.keys import add_key
from tests.cli.conftest import Ran
from tests.service.redis_server import redis_in
from tests.service.running import RunningService, running, settings_for, wait_for

Top = Callable[..., Ran]


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with redis_in(tmp_path_factory) as url:
        yield url


@pytest.fixture
def service(tmp_path: Path, redis_url: str) -> Generator[RunningService]:
    with running(settings_for(tmp_path / "home", redis_url)) as one:
        yield one


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Top:
    monkeypatch.delenv("GAUGEWAY_API_KEY", raising=False)
    monkeypatch.setenv("GAUGEWAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["gaugeway", "top", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    return run


def at(monkeypatch: pytest.MonkeyPatch, service: RunningService) -> None:
    """Have the command find the service where this machine's would be."""
    monkeypatch.setenv("GAUGEWAY_SERVICE_PORT", str(service.port))


def test_what_was_asked_is_what_is_shown(
    service: RunningService, top: Top, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, service)
    costs = [Decimal(service.chat(f"hello {n}").headers["x-gaugeway-cost-usd"]) for n in range(5)]
    assert service.chat(model="down").status >= 500
    key = add_key(service.runtime.settings.home, "test", "admin")

    def all_counted() -> bool:
        return service.request("GET", "/api/metrics", key=key).json["today"]["requests"] == 6

    wait_for(all_counted, "all requests to be in the ledger")
    ran = top("--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert document["requests_today"] == 6
    assert document["errors_today"]["value"] == 1
    assert Decimal(document["cost_usd_today"]["value"]) == sum(costs)
    assert document["errors_today"]["level"] == "red"
    assert Decimal(document["cost_usd_today"]["value"]) >= sum(costs)
    assert document["active_sessions"] == 0
    assert {budget["name"] for budget in document["budgets"]} >= {"everything-daily"}
    assert document["notable"]["failed"]
    shown = top("--once")
    assert shown.code == 0
    assert "everything-daily" in shown.out
    assert "\x1b" not in shown.out
    # A minute may have passed between the two, but no day.
    assert _of_the_day(top().out) == _of_the_day(shown.out) != []


def _of_the_day(frame: str) -> list[str]:
    return re.findall(r"(?:cost|tokens|errors) today .*|everything-daily .*?\$\S+", frame)


def test_a_key_of_this_machine_is_made_once_and_made_anew_when_it_was_revoked(
    service: RunningService, top: Top, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at(monkeypatch, service)
    home = tmp_path / "home"
    assert top("--once").code == 0
    kept = home / "secrets" / "top-key"
    first = kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert top("--once").code == 0
    assert kept.read_text() == first
    records = read_records(home / "keys.json")
    assert [record.role for record in records if record.app == "gaugeway-top"] == ["admin"]
    monkeypatch.setattr(sys, "argv", ["gaugeway", "keys", "revoke", first.split("_")[1]])
    with pytest.raises(SystemExit):
        main()
    assert top("--once").code == 0
    assert kept.read_text() != first


def test_a_key_that_is_not_an_admins_is_told_so(
    service: RunningService, top: Top, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(service.key)
    ran = top("--url", service.url, "--key-file", str(file), "--once")
    assert ran.code == 1
    assert "not an admin's (403)" in ran.err
    file.write_text("gw_000000000000_" + "0" * 64)
    ran = top("--url", service.url, "--key-file", str(file), "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "does not accept this key (401)" in ran.err


def test_a_service_elsewhere_is_asked_with_the_key_in_a_file(
    service: RunningService, top: Top, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(add_key(tmp_path / "home", "operator", "admin") + "\n")
    ran = top("--url", service.url, "--key-file", str(file), "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["url"] == service.url


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--url", "http://127.0.0.1:1"), 1, "give --key-file FILE"),
        (("--url", "ftp://x"), 2, "http:// or https://"),
        (("--url", "http://user:s3cret@127.0.0.1"), 2, "without a user or a password"),
        (("--url", "http://["), 2, "http:// or https://"),
        (("--key-file", "/nowhere/key"), 1, "/nowhere/key cannot be read"),
        (("--key-file", "/dev/null"), 1, "holds no key"),
        (("--interval", "0"), 2, "interval"),
        ((), 1, "gaugeway up"),
    ],
)
def test_what_cannot_be_looked_at_says_why(
    top: Top, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = top(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert "s3cret" not in ran.err
    assert "Traceback" not in ran.err


def test_a_service_that_is_down_is_one_message(
    top: Top, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("GAUGEWAY_SERVICE_PORT", "1")
    ran = top("--once")
    assert (ran.code, ran.out) == (1, "")
    assert "http://127.0.0.1:1 cannot be reached" in ran.err


def test_a_threshold_that_is_none_stops_it(top: Top, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAUGEWAY_TOP_P95_MS", "fast")
    ran = top("--once")
    assert ran.code == 1
    assert "GAUGEWAY_TOP_P95_MS" in ran.err
