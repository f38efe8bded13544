"""The real process manager, with small real servers as the parts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path

import psutil
import pytest

from stack.binaries import ensure
from stack.components.component import Component
from stack.home import Home
from stack.lifecycle import ComponentsFailedError, PortsTakenError, Stack, StartError
from stack.plan import MANAGER
from stack.record import read_record
from stack.settings import Settings
from stack.status import ComponentStatus, StackStatus
from stack.strays import find_strays
from stack.supervision.client import SupervisorClient
from tests.stack.conftest import MakeSettings, free_ports
from tests.stack.servers import dying, server, stops

pytestmark = pytest.mark.timeout(300)

Parts = Callable[[Settings], tuple[Component, ...]]


class Looks:
    """Keeps what a start told of its progress."""

    def __init__(self) -> None:
        self.seen: list[StackStatus] = []

    def looked(self, status: StackStatus) -> None:
        self.seen.append(status)


def three_parts(settings: Settings) -> tuple[Component, ...]:
    return (
        server(settings, "service", "service", after=("collector",)),
        server(settings, "collector", "otlp_http", after=("prometheus",)),
        server(settings, "prometheus", "prometheus"),
    )


@pytest.fixture(scope="session")
def manager() -> Mapping[str, Path]:
    return ensure((MANAGER,))


@pytest.fixture
async def make_stack(
    home: Home, manager: Mapping[str, Path]
) -> AsyncGenerator[Callable[[Settings, Parts], Stack]]:
    made: list[Stack] = []

    def make(settings: Settings, parts: Parts = three_parts) -> Stack:
        stack = Stack(
            settings,
            binaries=lambda _: manager,
            planner=lambda given, _binaries, _credentials: parts(given),
            outlook=parts,
        )
        made.append(stack)
        return stack

    yield make
    for stack in made:
        await stack.stop()
    assert find_strays(home) == []


def part_of(status: StackStatus, name: str) -> ComponentStatus:
    return next(part for part in status.components if part.name == name)


def tell_to_die(settings: Settings, port_name: str) -> None:
    with contextlib.suppress(urllib.error.URLError, OSError):
        urllib.request.urlopen(f"{settings.url(port_name)}/die", timeout=5)


async def until(condition: Callable[[], object], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def until_status(stack: Stack, condition: Callable[[StackStatus], bool]) -> StackStatus:
    async with asyncio.timeout(30):
        while not condition(status := await stack.status()):
            await asyncio.sleep(0.1)
    return status


async def test_a_start_returns_when_every_part_answers(
    make_settings: MakeSettings, make_stack: Callable[..., Stack], home: Home
) -> None:
    looks = Looks()
    started = await make_stack(make_settings()).start(looks)
    assert (started.already_up, started.status.ready) == (False, True)
    assert [part.version for part in started.status.components] == ["1.2.3"] * 3
    assert looks.seen[-1].ready
    assert "service listens" in home.log("service").read_text()


async def test_a_second_start_says_it_is_up_and_starts_nothing(
    make_settings: MakeSettings, make_stack: Callable[..., Stack], home: Home
) -> None:
    settings = make_settings()
    await make_stack(settings).start(Looks())
    before = read_record(home)
    started = await make_stack(settings).start(Looks())
    assert started.already_up
    assert read_record(home) == before
    assert home.log("service").read_text().count("service listens") == 1


async def test_the_service_stops_first_then_the_collector_then_the_backends(
    make_settings: MakeSettings, make_stack: Callable[..., Stack], home: Home
) -> None:
    settings = make_settings()
    stack = make_stack(settings)
    await stack.start(Looks())
    assert await stack.stop()
    assert stops(settings).read_text().split() == ["service", "collector", "prometheus"]
    assert not await SupervisorClient(home.socket).alive()
    assert read_record(home) is None
    assert list(home.run.glob("*.env")) == []


async def test_stopping_what_is_not_running_is_not_an_error(
    make_settings: MakeSettings, make_stack: Callable[..., Stack], home: Home
) -> None:
    home.prepare()
    assert not await make_stack(make_settings()).stop()


async def test_a_part_that_dies_at_start_is_named_with_its_last_lines_and_nothing_stays(
    make_settings: MakeSettings, make_stack: Callable[..., Stack], home: Home
) -> None:
    def parts(settings: Settings) -> tuple[Component, ...]:
        return (*three_parts(settings), dying(settings, "loki", "loki"))

    with pytest.raises(ComponentsFailedError, match="loki: ended while starting") as failure:
        await make_stack(make_settings(), parts).start(Looks())
    (failed,) = failure.value.failed
    assert failed.name == "loki"
    assert "exit code 7" in failed.hint
    assert "the disk is on fire" in failed.log_lines
    assert find_strays(home) == []


async def test_a_part_that_never_answers_is_named_after_the_bound_with_what_it_said(
    make_settings: MakeSettings, make_stack: Callable[..., Stack]
) -> None:
    def parts(settings: Settings) -> tuple[Component, ...]:
        deaf = server(settings, "tempo", "tempo")
        # It listens elsewhere than where it is looked for.
        elsewhere = server(settings, "tempo", "tempo_grpc")
        return (Component("tempo", "managed", deaf.url, deaf.probe, elsewhere.process),)

    with pytest.raises(ComponentsFailedError, match="tempo: not ready after 2 s") as raised:
        await make_stack(make_settings(start_seconds=2), parts).start(Looks())
    (waiting,) = raised.value.failed
    assert not waiting.dead
    assert waiting.log_lines[-1].startswith("tempo listens")


async def test_a_part_that_crashes_is_started_again(
    make_settings: MakeSettings, make_stack: Callable[..., Stack], home: Home
) -> None:
    settings = make_settings()
    stack = make_stack(settings)
    await stack.start(Looks())
    tell_to_die(settings, "prometheus")
    await until(lambda: home.log("prometheus").read_text().count("prometheus listens") == 2)
    assert (await until_status(stack, lambda status: status.ready)).up


async def test_a_part_that_keeps_crashing_is_given_up_named_and_brought_back_by_a_start(
    make_settings: MakeSettings, make_stack: Callable[..., Stack]
) -> None:
    settings = make_settings()
    stack = make_stack(settings)
    await stack.start(Looks())

    def given_up(status: StackStatus) -> bool:
        tell_to_die(settings, "prometheus")
        return part_of(status, "prometheus").dead

    status = await until_status(stack, given_up)
    assert not status.ready
    assert "ended with exit code 3" in part_of(status, "prometheus").hint
    assert "prometheus was told to die" in part_of(status, "prometheus").log_lines
    started = await make_stack(settings).start(Looks())
    assert started.already_up
    assert part_of(started.status, "prometheus").ready


async def test_a_start_heals_what_a_killed_manager_left_behind(
    make_settings: MakeSettings, make_stack: Callable[..., Stack], home: Home
) -> None:
    settings = make_settings()
    await make_stack(settings).start(Looks())
    record = read_record(home)
    assert record is not None
    orphans = psutil.Process(record.supervisor).children()
    os.kill(record.supervisor, signal.SIGKILL)
    psutil.Process(record.supervisor).wait(10)
    assert home.socket.exists()
    assert all(process.is_running() for process in orphans)
    seen = await make_stack(settings).status()
    assert not seen.up
    assert seen.left_behind >= len(orphans)
    started = await make_stack(settings).start(Looks())
    assert (started.already_up, started.status.ready) == (False, True)
    assert not any(process.is_running() for process in orphans)


async def test_a_port_of_somebody_else_is_named_before_anything_starts(
    make_settings: MakeSettings, make_stack: Callable[..., Stack], home: Home
) -> None:
    settings = make_settings()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", settings.ports.otlp_http))
        listener.listen()
        with pytest.raises(PortsTakenError, match="GAUGEWAY_OTLP_HTTP_PORT"):
            await make_stack(settings).start(Looks())
    assert not home.log("service").exists()


async def test_two_stacks_with_homes_and_ports_of_their_own_run_side_by_side(
    make_settings: MakeSettings, make_stack: Callable[..., Stack], home: Home
) -> None:
    first = make_stack(make_settings(home=Home(home.path / "one")))
    second = make_stack(make_settings(home=Home(home.path / "two")))
    await asyncio.gather(first.start(Looks()), second.start(Looks()))
    await first.stop()
    assert (await second.status()).ready


async def test_a_running_stack_is_not_started_again_with_other_ports(
    make_settings: MakeSettings, make_stack: Callable[..., Stack]
) -> None:
    settings = make_settings()
    await make_stack(settings).start(Looks())
    with pytest.raises(StartError, match="gaugeway down"):
        await make_stack(make_settings(ports=free_ports())).start(Looks())
    assert (await make_stack(settings).status()).ready


async def test_an_interrupted_start_leaves_nothing_running(
    make_settings: MakeSettings, make_stack: Callable[..., Stack], home: Home
) -> None:
    def parts(settings: Settings) -> tuple[Component, ...]:
        working = server(settings, "tempo", "tempo")
        elsewhere = server(settings, "tempo", "tempo_grpc")
        return (Component("tempo", "managed", elsewhere.url, elsewhere.probe, working.process),)

    looks = Looks()
    starting = asyncio.create_task(make_stack(make_settings(), parts).start(looks))
    await until(lambda: looks.seen)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert find_strays(home) == []


async def test_a_home_with_a_long_and_odd_name_is_a_home_like_any_other(
    make_settings: MakeSettings, make_stack: Callable[..., Stack], home: Home
) -> None:
    odd = Home(home.path / "it's {{.odd}} $HOME" / ("a" * 100))
    stack = make_stack(make_settings(home=odd))
    started = await stack.start(Looks())
    assert started.status.ready
    assert odd.socket.exists()
    assert not odd.socket.is_relative_to(odd.path)
    await stack.stop()
    assert not odd.socket.parent.exists()


async def test_a_private_variable_reaches_its_part_and_only_that(
    make_settings: MakeSettings, make_stack: Callable[..., Stack], home: Home
) -> None:
    greeting = "it's $HOME {{ `here` }}"

    def parts(settings: Settings) -> tuple[Component, ...]:
        private = {"GREETING": greeting}
        return (
            server(settings, "service", "service", private_environment=private),
            server(settings, "tempo", "tempo"),
        )

    await make_stack(make_settings(), parts).start(Looks())
    assert f"service listens {greeting}" in home.log("service").read_text()
    assert greeting not in home.log("tempo").read_text()
