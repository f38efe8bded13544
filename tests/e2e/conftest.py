"""One private stack for all end-to-end tests, started by the command a person would type."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.columns import Evidence, sum_of
from tests.e2e.drive import Answer, drive
from tests.e2e.matrix import SCENARIOS, Scenario
from tests.e2e.stack import Stack, running
from tests.e2e.targets import write_targets

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all that lives here: it needs the real components.

    A fixture may take long, where a component must be built first; a test itself may not.
    """
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("e2e")
            item.add_marker(pytest.mark.timeout(180, func_only=True))


@pytest.fixture(scope="session")
def stack() -> Generator[Stack]:
    """The dev stack, all components real; a part that does not come up fails the tests by name."""
    with tempfile.TemporaryDirectory(prefix="gaugeway-e2e-") as directory:
        home = Path(directory)
        environment = {
            "GAUGEWAY_TARGETS": str(write_targets(home / "targets.yaml", SCENARIOS)),
            "GAUGEWAY_SIMULATE_CONTROL": "1",
        }
        with running(home, environment=environment) as started:
            yield started


@pytest.fixture(scope="session")
def driven(stack: Stack) -> dict[str, Evidence]:
    """Every scenario of the matrix, driven once, all at the same time."""
    before = {
        query: stack.backends.value(query) or 0.0
        for scenario in SCENARIOS
        for query in (sum_of(moved.metric, moved.labels) for moved in scenario.shared)
    }

    def send(scenario: Scenario) -> tuple[Answer, ...]:
        return drive(scenario, url=stack.service_url, api_key=stack.api_key)

    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        answers = list(pool.map(send, SCENARIOS))
    return {
        scenario.name: Evidence(scenario, answered, stack.backends, before)
        for scenario, answered in zip(SCENARIOS, answers, strict=True)
    }


@pytest.fixture
def now() -> float:
    """Unix time when the test began."""
    return time.time()
