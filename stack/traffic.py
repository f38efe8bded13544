"""Varied traffic against the service: bounded in time and rate, the same for the same seed.

`python -m stack.traffic --url … --key-file … --rate 5 --seconds 60` sends it from a shell.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from stack.requests import Answer, Request, send

COMPONENTS: Final = ("assistant", "search", "summary")
HIGHEST_RATE: Final = 200.0
LONGEST_SECONDS: Final = 24 * 3600.0
_MOST_AT_ONCE: Final = 64
_CACHED_QUESTIONS: Final = ("What does it cost?", "Where do I start?", "Is it fast?")
_USERS: Final = ("ada", "grace", "linus", "margaret", "tim")
_SUBJECTS: Final = ("a gauge", "the tide", "a ledger", "an old bridge", "rain", "the night train")
_ASKS: Final = ("Explain", "Summarise", "Write a haiku about", "List five facts on", "Translate")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much traffic: requests a second, for so many seconds."""

    rate: float = 6.0
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.rate <= HIGHEST_RATE:
            raise ValueError(f"rate must be above 0 and at most {HIGHEST_RATE:.0f} a second")
        if not 0 < self.seconds <= LONGEST_SECONDS:
            raise ValueError(f"seconds must be above 0 and at most {LONGEST_SECONDS:.0f}")


@dataclass(slots=True)
class Report:
    """What was sent and what came of it: `outcomes` counts (scenario, status)."""

    outcomes: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    seconds: float = 0.0

    @property
    def requests(self) -> int:
        """Return how many requests were sent."""
        return self.outcomes.total()

    def take(self, answer: Answer) -> None:
        """Count one answer."""
        self.outcomes[answer.name, answer.status] += 1

    def take_done(self, sending: asyncio.Task[Answer]) -> None:
        """Count the answer of a request that is over, unless it was called off."""
        if not sending.cancelled():
            self.take(sending.result())

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "requests": self.requests,
            "seconds": round(self.seconds, 1),
            "outcomes": [
                {"scenario": name, "status": status, "count": count}
                for (name, status), count in sorted(self.outcomes.items())
            ],
        }


class Scenarios:
    """Draws requests. With `control` the simulated provider is asked for faults and delays."""

    def __init__(self, rng: random.Random, *, control: bool):
        self._rng = rng
        self._control = control
        kinds = [
            (30, self._plain),
            (25, self._stream),
            (10, self._embeddings),
            (12, self._cached),
            (6, self._fallback),
            (4, self._long_prompt),
            (3, self._bad_key),
            (2, self._unknown_model),
            (1, self._malformed),
        ]
        if control:
            kinds += [
                (5, self._retried),
                (3, self._provider_fault),
                (4, self._slow),
                (3, self._client_leaves),
                (2, self._stream_cut),
            ]
        self._weights = [weight for weight, _ in kinds]
        self._kinds = [kind for _, kind in kinds]

    def draw(self) -> Request:
        """Return the next request."""
        return self._rng.choices(self._kinds, self._weights)[0]()

    def _plain(self) -> Request:
        return self._chat("plain")

    def _stream(self) -> Request:
        return self._chat("stream", stream=True)

    def _embeddings(self) -> Request:
        count = self._rng.randint(1, 4)
        body = {"model": "simulated-embedding", "input": [self._prompt() for _ in range(count)]}
        return Request("embeddings", "/v1/embeddings", body, self._component())

    def _cached(self) -> Request:
        question = self._rng.choice(_CACHED_QUESTIONS)
        body = {"model": "simulated", "messages": [{"role": "user", "content": question}]}
        return Request("cached", body=body, headers={"cache-control": "max-age=300"})

    def _long_prompt(self) -> Request:
        """A document with a question: some thousand tokens, which take their time to read."""
        words = self._rng.choices(_SUBJECTS, k=self._rng.choice((400, 1500, 4000)))
        body = {
            "model": "simulated",
            "messages": [{"role": "user", "content": f"Summarise: {' '.join(words)}"}],
        }
        headers = self._component()
        if self._control:
            headers["x-gaugeway-simulate"] = json.dumps({"latency_ms": len(words) // 4})
        return Request("long prompt", body=body, headers=headers)

    def _fallback(self) -> Request:
        return self._chat("fallback", model="simulated-fallback")

    def _retried(self) -> Request:
        return self._chat("retried", simulate={"status": 429, "times": 1})

    def _provider_fault(self) -> Request:
        return self._chat("provider fault", simulate={"status": self._rng.choice((500, 503))})

    def _slow(self) -> Request:
        latency = self._rng.randint(400, 2000)
        return self._chat("slow", stream=True, simulate={"latency_ms": latency})

    def _client_leaves(self) -> Request:
        return self._chat("client leaves", stream=True, simulate={"chunk_ms": 60}, leave_after=4)

    def _stream_cut(self) -> Request:
        return self._chat("stream cut", stream=True, simulate={"cut_after": 3})

    def _bad_key(self) -> Request:
        request = self._chat("bad key")
        wrong = {"authorization": f"Bearer gw_{'0' * 12}_{'0' * 64}"}
        return Request("bad key", body=request.body, headers=wrong)

    def _unknown_model(self) -> Request:
        return self._chat("unknown model", model="no-such-model")

    def _malformed(self) -> Request:
        return Request("malformed", raw=b'{"model": "simulated", "messages": [')

    def _chat(
        self,
        name: str,
        *,
        model: str = "simulated",
        stream: bool = False,
        simulate: Mapping[str, Any] | None = None,
        leave_after: int | None = None,
    ) -> Request:
        body = {
            "model": model,
            "messages": [{"role": "user", "content": self._prompt()}],
            "stream": stream,
            "user": self._rng.choice(_USERS),
        }
        headers = self._component()
        if simulate:
            headers["x-gaugeway-simulate"] = json.dumps(simulate)
        return Request(name, body=body, headers=headers, leave_after=leave_after)

    def _component(self) -> dict[str, str]:
        return {"x-gaugeway-component": self._rng.choice(COMPONENTS)}

    def _prompt(self) -> str:
        ask, subject = self._rng.choice(_ASKS), self._rng.choice(_SUBJECTS)
        detail = " ".join(self._rng.choices(_SUBJECTS, k=self._rng.randint(0, 40)))
        return f"{ask} {subject}. {detail}".strip()


async def drive(
    url: str, api_keys: Sequence[str], bounds: Bounds, scenarios: Scenarios, rng: random.Random
) -> Report:
    """Send requests at the bounds' rate, each with one of the keys; ends when all are answered."""
    report = Report()
    began = time.monotonic()
    connector = aiohttp.TCPConnector(limit=_MOST_AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:
        open_requests: set[asyncio.Task[Answer]] = set()
        try:
            for number in range(max(1, round(bounds.rate * bounds.seconds))):
                await asyncio.sleep(max(0.0, began + number / bounds.rate - time.monotonic()))
                if time.monotonic() - began > bounds.seconds:
                    break
                if len(open_requests) >= _MOST_AT_ONCE:
                    # A service slower than the rate is asked less, not ever more at once.
                    _, open_requests = await asyncio.wait(
                        open_requests, return_when=asyncio.FIRST_COMPLETED
                    )
                sending = send(session, url, rng.choice(api_keys), scenarios.draw())
                task = asyncio.create_task(sending)
                task.add_done_callback(report.take_done)
                open_requests.add(task)
                open_requests = {task for task in open_requests if not task.done()}
            if open_requests:
                await asyncio.wait(open_requests)
        finally:
            # There are any only where the drive itself was cancelled.
            for task in open_requests:
                task.cancel()
            await asyncio.gather(*open_requests, return_exceptions=True)
    report.seconds = time.monotonic() - began
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Send traffic as the command line says and print the report."""
    parser = argparse.ArgumentParser(prog="python -m stack.traffic", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the service's address")
    parser.add_argument("--key-file", type=Path, required=True, help="holds an API key")
    parser.add_argument("--rate", type=float, default=Bounds.rate, help="requests a second")
    parser.add_argument("--seconds", type=float, default=Bounds.seconds, help="for how long")
    parser.add_argument("--seed", type=int, default=7, help="the same traffic for the same seed")
    parser.add_argument("--control", action="store_true", help="ask the simulation for faults")
    given = parser.parse_args(arguments)
    try:
        bounds = Bounds(given.rate, given.seconds)
        key = given.key_file.read_text().strip()
    except (ValueError, OSError) as error:
        parser.error(str(error))
    rng = random.Random(given.seed)  # noqa: S311 - varied, not secret
    scenarios = Scenarios(rng, control=given.control)
    report = asyncio.run(drive(given.url, [key], bounds, scenarios, rng))
    sys.stdout.write(json.dumps(report.document()) + "\n")
    return 0 if any(status == 200 for _, status in report.outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
