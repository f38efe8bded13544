"""Says how an inference ended from the exception that ended it."""

import asyncio


def outcome_of(error: BaseException) -> str:
    """Name the outcome for an exception that left an inference's block unhandled."""
    if isinstance(error, GeneratorExit):
        return "abandoned"
    if isinstance(error, asyncio.CancelledError):
        return "client_disconnect"
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return "shutdown"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "provider_error"
