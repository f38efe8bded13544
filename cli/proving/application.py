"""An application beside the service: instrumented from outside, it holds memory and logs.

It is started as `opentelemetry-instrument python -m cli.proving.application`.
"""

from __future__ import annotations

import argparse
import logging
import time

_MEBIBYTE = 2**20
_PAGE = 4096


def main() -> None:
    """Do what the command line says, for so long, then end."""
    parser = argparse.ArgumentParser(prog="python -m cli.proving.application", description=__doc__)
    parser.add_argument("--seconds", type=float, required=True, help="for how long it runs")
    parser.add_argument("--mebibytes", type=int, default=0, help="memory it holds")
    parser.add_argument("--errors", type=float, default=0.0, help="errors it logs in a second")
    given = parser.parse_args()
    held = bytearray(given.mebibytes * _MEBIBYTE)
    # A page that was never written is not in memory.
    held[::_PAGE] = b"\x01" * len(held[::_PAGE])
    logger = logging.getLogger(__name__)
    end = time.monotonic() + given.seconds
    while (left := end - time.monotonic()) > 0:
        if given.errors:
            logger.error("an error of an application, %.0f s before its end", left)
        time.sleep(min(left, 1 / given.errors if given.errors else left))


if __name__ == "__main__":
    main()
