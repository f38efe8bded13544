"""A writer and a Redis that forgets: what it still has is sent again once, the rest is told."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from service.ledger.kept import ENTRY_BYTES
from service.ledger.recording import (
    BATCH_ENTRIES,
    Applied,
    Elsewhere,
    Numbered,
    Recorded,
    Recorder,
    Repeated,
)
from service.ledger.writer import Relapse, Resend, Writer
from service.redis_store import StoreUnavailable
from tests.ledger.building import entry

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class State:
    """All that a Redis knows."""

    mark: int = 0
    ids: tuple[str, ...] = ()


@dataclass
class FakeRecorder(Recorder):
    """A Redis as a writer sees it, which can go back to any state that it had."""

    state: State = State()
    past: list[State] = field(default_factory=lambda: [State()])
    answers: list[str] = field(default_factory=list[str])
    """What becomes of the next calls: `lost` is applied without an answer, `refused` is not."""

    async def mark(self, writer: str, expected: int) -> int:
        self._meet()
        return self.state.mark

    async def apply(
        self, writer: str, after: int, last: int, batch: Sequence[Numbered]
    ) -> Applied | Elsewhere | Repeated:
        assert len(batch) <= BATCH_ENTRIES
        lost = self._meet()
        if self.state.mark != after:
            return Elsewhere(self.state.mark)
        ids = [numbered.entry.id for numbered in batch]
        if repeated := set(ids) & set(self.state.ids):
            return Repeated(frozenset(repeated))
        self.state = State(last, (*self.state.ids, *ids))
        self.past.append(self.state)
        if lost:
            raise StoreUnavailable("The answer was lost.")
        return Applied({numbered.number: Recorded("applied") for numbered in batch})

    def _meet(self) -> bool:
        answer = self.answers.pop(0) if self.answers else "given"
        if answer == "refused":
            raise StoreUnavailable("It is away.")
        return answer == "lost"

    def go_back(self, states: int) -> None:
        """Forget the last of its states."""
        self.past = self.past[: max(1, len(self.past) - states)]
        self.state = self.past[-1]


class Books(RuleBasedStateMachine):
    """One writer with little memory, on a Redis that fails and forgets at will."""

    seconds = 10.0
    memory = 40

    def __init__(self) -> None:
        super().__init__()
        self.recorder = FakeRecorder()
        self.now = 0.0
        self.number = 0
        self.posted: dict[str, int] = {}
        self.lost = 0
        self.again = 0
        self.waiting: list[Numbered] = []
        self.writer = Writer(
            "w",
            self.recorder,
            relapsed=self.note,
            resend=Resend(self.seconds, self.memory * ENTRY_BYTES),
            clock=lambda: self.now,
        )

    def note(self, relapse: Relapse) -> None:
        assert relapse.mark == self.recorder.state.mark
        self.again += relapse.again
        self.lost += sum(forgotten.number for forgotten in relapse.lost)

    def run(self, work: Coroutine[Any, Any, object]) -> bool:
        try:
            asyncio.run(work)
        except StoreUnavailable:
            return False
        return True

    @rule(
        number=st.integers(1, 300),
        answers=st.lists(st.sampled_from(["given", "lost", "refused"]), max_size=4),
    )
    def send(self, number: int, answers: list[str]) -> None:
        """Post entries and have them sent, with what was not taken before."""
        for _ in range(number):
            self.number += 1
            one = entry(self.number)
            self.posted[one.id] = self.number
            self.waiting.append(Numbered(self.number, one))
        self.recorder.answers = answers
        if self.run(self.writer.send(self.waiting)):
            self.waiting = []
        self.recorder.answers = []

    @rule(answers=st.lists(st.sampled_from(["given", "lost", "refused"]), max_size=2))
    def confirm(self, answers: list[str]) -> None:
        self.recorder.answers = answers
        self.run(self.writer.confirm())
        self.recorder.answers = []

    @rule(number=st.integers(1, 50))
    def drop(self, number: int) -> None:
        """A journal that is full takes none of these: they never reach the writer."""
        self.number += number

    @rule(states=st.integers(1, 6))
    def forget(self, states: int) -> None:
        self.recorder.go_back(states)

    @rule()
    def empty(self) -> None:
        self.recorder.go_back(len(self.recorder.past))

    @rule(seconds=st.floats(0, 15))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def nothing_is_counted_twice(self) -> None:
        ids = self.recorder.state.ids
        assert len(ids) == len(set(ids))

    @invariant()
    def each_entry_is_in_redis_or_is_counted_as_lost(self) -> None:
        """As soon as the writer knows where Redis is."""
        state = self.recorder.state
        if not self.run(self.writer.confirm()) or not self.run(self.writer.send(self.waiting)):
            return
        self.waiting = []
        assert self.recorder.state.mark >= state.mark
        assert len(self.recorder.state.ids) + self.lost == len(self.posted)


def test_whatever_redis_forgets_each_entry_is_there_once_or_counted_as_lost() -> None:
    run_state_machine_as_test(Books, settings=settings(max_examples=150, stateful_step_count=25))  # pyright: ignore[reportUnknownMemberType]
