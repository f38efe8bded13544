"""Replaces worker processes that end or hang, however busy the others are.

uvicorn's own supervisor asks one worker after the other whether it is well and waits for each to
answer: while one hangs, or starts on a busy machine, it notices no other's end. This one waits for
nobody.
"""

from __future__ import annotations

import logging
import pickle
import signal
import time
from collections.abc import Callable
from socket import socket

from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors.multiprocess import Multiprocess, Process

logger = logging.getLogger("uvicorn.error")


class Supervisor(Multiprocess):
    """uvicorn's, whose every look at its workers takes no time.

    A worker that ended is replaced at the next look, half a second later at the most. One that has
    not answered for `timeout_worker_healthcheck` seconds is killed and replaced.
    """

    def __init__(
        self,
        config: Config,
        sockets: list[socket],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(config, sockets)
        self._clock = clock
        self._asked: dict[Process, float] = {}

    def keep_subprocess_alive(self) -> None:
        """Replace who ended and who hangs; end all where one cannot start."""
        for place, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if process.process.is_alive() and self._is_well(process):
                continue
            self._end(process)
            if process.exitcode == STARTUP_FAILURE:
                logger.error("Worker process [%s] failed to start: all end.", process.pid)
                self.should_exit.set()
                return
            self.processes[place] = successor = Process(self.config, self.sockets)
            successor.start()

    def _is_well(self, process: Process) -> bool:
        """Whether it has answered in time, as far as can be told without waiting."""
        try:
            while process.parent_conn.poll(0):
                process.parent_conn.recv()
                self._asked.pop(process, None)
            if process not in self._asked:
                process.parent_conn.send(b"ping")
                self._asked[process] = self._clock()
        except (OSError, EOFError, pickle.UnpicklingError):
            return False
        return self._clock() - self._asked[process] < self.config.timeout_worker_healthcheck

    def _end(self, process: Process) -> None:
        """Say what became of it, and see that nothing of it is left."""
        status = process.exitcode
        if status is None:
            how = f"has not answered for {self.config.timeout_worker_healthcheck:g} s: it is killed"
        elif status < 0:
            how = f"was ended by {_signal_name(-status)}"
        else:
            how = f"ended with {status}"
        logger.warning("Worker process [%s] %s. Another takes its place.", process.pid, how)
        self._asked.pop(process, None)
        process.kill()
        process.join()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
