"""With many workers nothing is lost or doubled, and one scrape tells of all of them."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel import names
from tests.otel.processes import Application, instrumented, until
from tests.otel.receiver import Receiver

APP = "tests.otel.gateway_app:app"
GUNICORN = ("gunicorn", "--worker-class", "asgi", "--bind", "127.0.0.1:{port}", "--workers", "3")
SERVERS = {
    "uvicorn": instrumented("uvicorn", "--port", "{port}", "--workers", "4", APP),
    "gunicorn": instrumented(*GUNICORN, APP),
    "gunicorn --preload": instrumented(*GUNICORN, "--preload", APP),
}
REQUESTS = 150


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def _costs(exposition: str) -> dict[str, float]:
    pattern = rf'^{names.COST.prometheus}{{.*service_instance_id="([^"]+)".*}} (.+)$'
    return {
        instance: float(value)
        for instance, value in re.findall(pattern, exposition, flags=re.MULTILINE)
    }


@pytest.mark.parametrize("server", SERVERS)
def test_workers_tell_themselves_apart_and_add_up(
    tmp_path: Path, receiver: Receiver, server: str
) -> None:
    with Application(SERVERS[server], tmp_path, endpoint=receiver.endpoint) as app:
        workers: Counter[int] = Counter()

        def several_answer() -> bool:
            workers[json.loads(app.get("/infer")[1])["process"]] += 1
            return len(workers) >= 3

        until(several_answer, 30)
        while workers.total() < REQUESTS:
            several_answer()
        total = workers.total()
        scraped = _costs(app.get("/metrics")[1])
        assert sum(scraped.values()) == total * 0.25
        assert len(scraped) == len(workers)
        assert app.stop() < 6
    spans = receiver.spans_by_resource()
    by_instance = Counter(str(resource["service.instance.id"]) for resource, _ in spans)
    assert len(spans) == 2 * total, "a server span and an inference span a request"
    assert len({span.span_id for _, span in spans}) == 2 * total
    assert sorted(by_instance.values()) == sorted(2 * count for count in workers.values())
    assert sum(log.body.string_value == "usage recorded" for _, log in receiver.logs()) == total
    pushed = {
        instance: sum(point.as_double for point in metrics[names.COST.name].sum.data_points)
        for instance, metrics in receiver.metrics().items()
        if names.COST.name in metrics
    }
    assert pushed == scraped


def test_a_worker_that_died_leaves_the_scrape(tmp_path: Path, receiver: Receiver) -> None:
    import os
    import signal

    with Application(SERVERS["gunicorn"], tmp_path, endpoint=receiver.endpoint) as app:
        victim = json.loads(app.get("/infer")[1])["process"]
        before = _costs(app.get("/metrics")[1])
        os.kill(victim, signal.SIGKILL)

        def is_gone() -> bool:
            return not set(before) & set(_costs(app.get("/metrics")[1]))

        until(is_gone)
        app.stop()
    assert not list(tmp_path.glob("gaugeway-otel-*/*/*.sock"))
