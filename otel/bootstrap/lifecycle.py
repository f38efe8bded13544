"""Ends telemetry within a bound at every end a process can have: exit, SIGTERM, a worker's end."""

import atexit
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


def on_exit(shutdown: Callable[[], object], timeout: float) -> bool:
    """Have `shutdown` called when the process ends, by itself or by SIGTERM.

    uvicorn raises the SIGTERM it was stopped by again when it is done, which ends the process
    without running its exit handlers; so the signal is handled too. Says whether it is: where
    somebody else handles it already, or outside the main thread, it is not.
    """
    atexit.register(bounded, shutdown, timeout)
    if threading.current_thread() is not threading.main_thread():
        return False
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return False

    def terminate(number: int, frame: FrameType | None) -> None:
        # A second SIGTERM while this runs ends the process at once.
        signal.signal(number, signal.SIG_DFL)
        bounded(shutdown, timeout)
        os.kill(os.getpid(), number)

    handler: Any = terminate
    signal.signal(signal.SIGTERM, handler)
    return True


def bounded(shutdown: Callable[[], object], timeout: float) -> None:
    """Call `shutdown` in a thread and wait for it, but not for longer than the timeout.

    A signal handler runs in the middle of anything, inside a lock too; from another thread that
    can delay the end, but never prevent it.
    """
    thread = threading.Thread(target=shutdown, name="otel-shutdown", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the interpreter is too far gone for a new thread
        shutdown()
        return
    thread.join(timeout)
