"""Bounded queues between the application and the exporters, one sending thread each.

Putting an item in never blocks and never raises. What does not fit is counted, not kept.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from weakref import WeakMethod

from opentelemetry.instrumentation.utils import suppress_instrumentation

_logger = logging.getLogger("opentelemetry.gaugeway.batching")

Item = TypeVar("Item")
Send = Callable[[Sequence[Item]], int]

# How soon a receiver in trouble is tried again while there is nothing to send.
_PROBE_SECONDS = 10.0


def _never() -> bool:
    return False


# Encoding holds the interpreter's lock. While nothing is delivered the queue is long, and batches
# of full size would stop the application for tens of milliseconds each, for nothing.
_FAILING_BATCH = 32


class BatchQueue(Generic[Item]):
    """Holds at most `limit` items and sends them in batches from a thread of its own.

    After a batch of which nothing arrived they are small ones, until something does.

    `send` returns how many of a batch were lost. `dropped` counts lost items by reason:
    `queue_full`, `export_failed`, `shutdown`. While `in_trouble` an empty batch is sent now and
    again, so that it shows when the trouble is over.
    """

    def __init__(
        self,
        name: str,
        send: Send[Item],
        *,
        limit: int,
        batch: int,
        delay: float,
        in_trouble: Callable[[], bool] = _never,
        probe_seconds: float = _PROBE_SECONDS,
    ) -> None:
        self.dropped: dict[str, int] = {"queue_full": 0, "export_failed": 0, "shutdown": 0}
        self._name = name
        self._send = send
        self._limit = limit
        self._batch = min(batch, limit)
        self._delay = delay
        self._in_trouble = in_trouble
        self._probe_seconds = probe_seconds
        self._stopped = False
        self._failing = False
        self._begin()
        after_fork = WeakMethod(self._begin)

        def begin_again() -> None:
            if begin := after_fork():
                begin()

        os.register_at_fork(after_in_child=begin_again)

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, item: Item) -> None:
        """Take an item in, or count it as dropped."""
        queue = self._queue
        if self._stopped:
            self.dropped["shutdown"] += 1
        elif len(queue) >= self._limit:
            self.dropped["queue_full"] += 1
        else:
            queue.append(item)
            if len(queue) >= self._batch and not self._wake.is_set():
                self._wake.set()

    def flush(self, timeout: float) -> bool:
        """Send what is queued now; say whether it was tried within so many seconds."""
        if self._stopped or not self._thread.is_alive():
            return False
        sent = threading.Event()
        self._flushes.append(sent)
        self._wake.set()
        return sent.wait(timeout)

    def stop(self) -> None:
        """Take nothing more in and send what is left; `join` waits for it."""
        self._stopped = True
        self._wake.set()

    def join(self, deadline: float) -> bool:
        """Wait until all was sent or until this moment of the monotonic clock."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        # After the thread's end too: an item can come in between its last look and the stop.
        left = len(self._queue)
        self.dropped["shutdown"] += left
        self._queue.clear()
        return not left and not self._thread.is_alive()

    def _begin(self) -> None:
        # Runs in a forked child too: what the parent queued is the parent's to send.
        self._queue: deque[Item] = deque()
        self._flushes: deque[threading.Event] = deque()
        self._wake = threading.Event()
        self._sent_at = time.monotonic()
        self.dropped = dict.fromkeys(self.dropped, 0)
        self._thread = threading.Thread(target=self._run, name=f"otel-{self._name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        # Nothing that sending itself does may be traced, logged over OTLP or measured.
        with suppress_instrumentation():
            while not self._stopped:
                self._wake.wait(self._delay)
                self._wake.clear()
                self._drain()
                self._probe()
            self._drain()

    def _probe(self) -> None:
        due = time.monotonic() - self._sent_at >= self._probe_seconds
        if due and not self._queue and not self._stopped and self._in_trouble():
            self._lost(())

    def _drain(self) -> None:
        flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
        left = len(self._queue)
        while left > 0 and self._queue:
            size = min(self._batch, _FAILING_BATCH) if self._failing else self._batch
            count = min(left, size, len(self._queue))
            left -= count
            try:
                batch = [self._queue.popleft() for _ in range(count)]
            except IndexError:  # cleared meanwhile: time was up
                break
            lost = self._lost(batch)
            self._failing = lost >= count
            self.dropped["export_failed"] += lost
        for flush in flushes:
            flush.set()

    def _lost(self, batch: Sequence[Item]) -> int:
        try:
            return self._send(batch)
        except Exception as error:  # no exporter may end the thread
            _logger.warning("Sending %s failed: %s: %s", self._name, type(error).__name__, error)
            return len(batch)
        finally:
            self._sent_at = time.monotonic()
