"""How long `/metrics` takes at ten thousand series, and what scraping does to requests meanwhile.

The series are real ones: one stream through each of many models.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench import process
from bench.load import Answers, Question, ask, client, closed_loop
from bench.scrape import samples
from bench.serving import INSTRUMENT, Serving, free_port, serving_aside, uvicorn
from bench.targets import model_names, write_simulated_targets


async def grow(served: Serving, *, series: int, models: int) -> int:
    """Stream once through one model after another until `/metrics` has so many series."""
    count = 0
    for first in range(0, models, 10):
        batch = [Question(name, stream=True) for name in model_names(models)[first : first + 10]]
        answers = await closed_loop(
            served.url, served.headers, batch, requests=len(batch), concurrency=10
        )
        if answers.statuses != {200: len(batch)}:
            raise RuntimeError(f"Streams were answered {answers.statuses}:\n{served.tail()}")
        count = len(samples(await asyncio.to_thread(served.get, "/metrics")))
        if count >= series:
            return count
    raise RuntimeError(f"{models} models made {count} series, not {series}: allow more models.")


async def scrapes(served: Serving, times: int) -> list[float]:
    """Seconds of each scrape, one after the other."""
    seconds: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await asyncio.to_thread(served.get, "/metrics")
        seconds.append(time.perf_counter() - began)
    return seconds


async def beside(served: Serving, model: str, scraping: asyncio.Task[list[float]]) -> Answers:
    """One request after the other while the scrapes go on."""
    answers = Answers()
    async with client(served.headers) as session:
        while not scraping.done():
            await ask(session, served.url, Question(model), answers)
    return answers


async def measure(*, series: int, models: int, times: int, home: Path) -> dict[str, object]:
    """Grow the series, time scrapes alone, then time requests without and with scrapes."""
    targets = write_simulated_targets(home / "targets.yaml", models)
    port = free_port()
    environment = {"GAUGEWAY_TARGETS": str(targets), "OTEL_METRIC_EXPORT_INTERVAL": "60000"}
    environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    environment |= {"GAUGEWAY_LABEL_VALUES_MAX": "1000", "GAUGEWAY_SERIES_MAX": "100000"}
    service_core, load_core = process.cores()
    process.pin(load_core)
    command = (*INSTRUMENT, *uvicorn(port))
    async with serving_aside(
        command, port=port, home=home / "service", environment=environment, core=service_core
    ) as served:
        count = await grow(served, series=series, models=models)
        alone = await scrapes(served, times)
        name = model_names(models)[0]
        quiet = await closed_loop(
            served.url, served.headers, [Question(name)], requests=100, concurrency=1
        )
        scraped = await beside(served, name, asyncio.create_task(scrapes(served, times)))
    return {
        "bench": "metrics_endpoint",
        "series": count,
        "scrape_ms": round(statistics.median(alone) * 1e3, 1),
        "scrape_ms_highest": round(max(alone) * 1e3, 1),
        "request_p50_ms": round(quiet.percentile(0.5) * 1e3, 2),
        "request_p99_ms": round(quiet.percentile(0.99) * 1e3, 2),
        "request_p50_ms_while_scraped": round(scraped.percentile(0.5) * 1e3, 2),
        "request_p99_ms_while_scraped": round(scraped.percentile(0.99) * 1e3, 2),
    }


def main(argv: list[str] | None = None) -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--models", type=int, default=400, help="at most so many models")
    parser.add_argument("--times", type=int, default=10, help="scrapes")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="gaugeway-bench-") as home:
        found = asyncio.run(
            measure(
                series=arguments.series,
                models=arguments.models,
                times=arguments.times,
                home=Path(home),
            )
        )
    json.dump(found, sys.stdout)
    print()


if __name__ == "__main__":
    main()
