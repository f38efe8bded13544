"""`python -m service.server`: uvicorn's command line, with our supervisor over several workers."""

from __future__ import annotations

import importlib

from service.server.supervisor import Supervisor


def main() -> None:
    """Run uvicorn's command; all of its options are as they are there."""
    # The package has a function of its module's name, so it is asked for as a module.
    command = importlib.import_module("uvicorn.main")
    setattr(command, "Multiprocess", Supervisor)  # noqa: B010 - what the module calls by name
    command.main(prog_name="python -m service.server")


if __name__ == "__main__":
    main()
