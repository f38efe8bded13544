"""What callers meet while Redis is away: as the operator says, unchecked or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel import names
from service.budgets.telling import REMAINING
from service.redis_embedded import find_server
from tests.ledger.servers import server, wait_for
from tests.service.running import running, settings_for

NOWHERE = "redis://127.0.0.1:1/0"
WARNING_ONLY = """
budgets:
  - {name: each-user, scope: user, window: month, limit: {requests: 1}}
"""


def write(folder: Path) -> Path:
    file = folder / "budgets.yaml"
    file.write_text(WARNING_ONLY)
    return file


def test_open_requests_go_on_unchecked_and_are_counted(tmp_path: Path) -> None:
    with running(settings_for(tmp_path / "home", NOWHERE, budgets=write(tmp_path))) as service:
        answers = [service.chat(user="ann") for _ in range(3)]
        service.chat()
        metrics = service.telemetry.metrics()
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert not any(name.startswith("x-gaugeway-budget") for name in answers[0].headers)
    (unchecked,) = metrics[names.BUDGET_UNCHECKED.name]
    assert (unchecked.value, dict(unchecked.attributes)) == (3, {"gaugeway.app": "dev"})
    assert names.BUDGET_SPENT.name not in metrics


@pytest.mark.parametrize("stream", [False, True])
def test_closed_what_a_budget_concerns_is_refused_and_the_rest_goes_on(
    tmp_path: Path, stream: bool
) -> None:
    settings = settings_for(
        tmp_path / "home", NOWHERE, budgets=write(tmp_path), budgets_when_unavailable="closed"
    )
    with running(settings) as service:
        refused = service.chat(user="ann", stream=stream)
        assert refused.status == 503
        assert refused.error["code"] == "budgets_unavailable"
        assert refused.headers["retry-after"] == "2"
        assert service.chat(stream=stream).status == 200


def test_what_went_on_unchecked_is_added_when_redis_is_back(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with server(find_server(), tmp_path_factory.mktemp("r")) as redis:
        settings = settings_for(tmp_path / "home", redis.url, budgets=write(tmp_path))
        with running(settings) as service:
            asked = 4
            assert REMAINING in service.chat(user="ann").headers
            redis.kill()
            for _ in range(3):
                assert REMAINING not in service.chat(user="ann").headers
            redis.start()

            def told() -> bool:
                nonlocal asked
                asked += 1
                return REMAINING in service.chat(user="ann").headers

            wait_for(told, "the budget to be asked again", 20)
            key = (settings.home / "dev-admin-key").read_text().strip()

            def known() -> int:
                answer = service.request("GET", "/admin/budgets", key=key)
                return int(answer.json["budgets"][0]["spent"]) if answer.status == 200 else 0

            wait_for(lambda: known() == asked, "what was used meanwhile to be added", 20)
