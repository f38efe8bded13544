"""A journal that is full, as the operator of a real service meets it: answers, metrics, log."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.serving import INSTRUMENT, Serving, free_port, serving, uvicorn
from otel import names
from service.ledger.calendar import Calendar
from service.ledger.reading import LedgerReader
from service.redis_store import RedisStore
from tests.ledger.building import until
from tests.ledger.servers import Server

MAX_BYTES = 64 * 1024
"""The least that the setting takes."""
LOST = 12
REQUEST = {
    "model": "simulated",
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 4,
}


def value(service: Serving, metric: str, **labels: str) -> float:
    """The sum of a metric's samples with these labels in /metrics."""
    samples = re.findall(
        rf"^{metric}\{{(.*)\}} ([\d.e+]+)$", service.get("/metrics").decode(), re.MULTILINE
    )
    return sum(
        float(number)
        for told, number in samples
        if all(f'{label}="{wanted}"' in told for label, wanted in labels.items())
    )


def pending(service: Serving) -> float:
    return value(service, names.LEDGER_PENDING.prometheus)


def dropped(service: Serving) -> float:
    return value(service, names.LEDGER_DROPPED.prometheus, error_type="journal_full")


@pytest.mark.timeout(120)
async def test_a_full_journal_is_told_in_metrics_and_log_and_stops_no_request(
    own_redis: Server, tmp_path: Path
) -> None:
    port = free_port()
    with serving(
        (*INSTRUMENT, *uvicorn(port)),
        port=port,
        home=tmp_path / "home",
        environment={
            "REDIS_URL": own_redis.url,
            "GAUGEWAY_JOURNAL_MAX_BYTES": str(MAX_BYTES),
            "GAUGEWAY_LEDGER_MEMORY_MAX_BYTES": "0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        },
    ) as service:
        asked, lost = 0, 0.0
        own_redis.kill()
        while lost < LOST:
            service.post("/v1/chat/completions", REQUEST)
            asked += 1
            lost = dropped(service)
            assert asked < 1_000, "the journal takes no end of entries"
        waiting = pending(service)
        assert waiting == asked - lost
        assert waiting > 50
        (journal,) = (service.home / "journal").iterdir()
        assert journal.stat().st_size <= MAX_BYTES
        log = service.log.read_text()
        assert log.count("the journal is full") == 1
        assert names.LEDGER_DROPPED.name in log

        own_redis.start()
        await until(lambda: pending(service) == 0, "the journal to be applied")
        store = RedisStore(own_redis.url, timeout=5, pool_size=2)
        reader = LedgerReader(store, Calendar("UTC"), now=lambda: datetime.now(UTC))
        usage = await reader.usage("month")
        await store.close()
        assert usage.totals.requests == waiting
        assert dropped(service) == lost
