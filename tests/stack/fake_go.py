"""A stand-in for the `go` command that writes its "binaries" at once and does as it is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stack.binaries import BuildSettings, Component

SCRIPT = r"""#!{python}
import os, pathlib, sys, time

told = os.environ.get
command, arguments = sys.argv[1], sys.argv[2:]
if command == "env":
    if told("FAKE_GO_REFUSES"):
        sys.exit(told("FAKE_GO_REFUSES"))
    print(told("FAKE_GO_VERSION", "go1.26.8"), "linux", "amd64", "v1", "", sep="\n")
elif command == "list":
    print("go: downloading example.org/left v1.0.0", file=sys.stderr)
    print("example.org/left\n-\nexample.org/right")
elif command == "build":
    with open(told("FAKE_GO_LOG"), "a") as log:
        log.write(f"{{os.getpid()}} {{told('GOFLAGS')}} {{' '.join(arguments)}}\n")
    target = pathlib.Path(arguments[arguments.index("-o") + 1])
    print("example.org/left", file=sys.stderr, flush=True)
    target.write_bytes(b"half")
    time.sleep(float(told("FAKE_GO_SECONDS", "0")))
    if told("FAKE_GO_FAILS"):
        sys.exit(told("FAKE_GO_FAILS"))
    print("example.org/right", file=sys.stderr)
    target.write_bytes(b"#!/bin/sh\necho built\n" * 100)
"""


@dataclass(frozen=True)
class FakeGo:
    """A component, the settings that build it with the fake, and what was built so far."""

    component: Component
    log: Path
    settings_with: Callable[..., BuildSettings]

    @property
    def builds(self) -> list[str]:
        """One line for each `go build`: its process, GOFLAGS and arguments."""
        return self.log.read_text().splitlines() if self.log.exists() else []


def fake_go(directory: Path) -> FakeGo:
    """Lay out a module, a cache and a `go` under `directory`."""
    module = directory / "module"
    module.mkdir(exist_ok=True)
    (module / "go.mod").write_text("module example\n\ngo 1.26.5\n")
    (module / "go.sum").write_text("")
    go, log = directory / "go", directory / "builds.log"
    go.write_text(SCRIPT.format(python=sys.executable))
    go.chmod(0o755)
    component = Component(
        name="demo",
        version="1.2.3",
        module_dir=module,
        package="example.org/demo",
        binary="demo",
        module="example.org/demo",
        module_version="v1.2.3",
        version_variable="example.org/demo.Version",
    )

    def settings_with(**told: str) -> BuildSettings:
        environ = {"GAUGEWAY_CACHE": str(directory / "cache"), "GAUGEWAY_GO": str(go)}
        return BuildSettings.from_environment({**environ, "FAKE_GO_LOG": str(log), **told})

    return FakeGo(component, log, settings_with)
