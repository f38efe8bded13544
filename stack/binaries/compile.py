"""One `go build`, watched."""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from stack.binaries.components import Component
from stack.binaries.errors import BuildError
from stack.binaries.progress import Progress
from stack.binaries.settings import BuildSettings

_SHOWN_LINES = 12
_KILLED_ADVICE = (
    "It was killed from outside, most often for want of memory (the largest link takes about "
    "2 GB): free some and run the command again; what was compiled is kept."
)
_NETWORK_ADVICE = (
    "Sources are fetched from the Go module proxy: check the network and GOPROXY "
    "(`go env GOPROXY`), and run the command again; what was fetched is kept."
)
_DISK_ADVICE = "The disk is full: free some space (`go clean -cache` helps) and run it again."
_ADVICE = "Run the command again; if it fails in the same way, the lines above say why."


def compile_binary(
    component: Component, target: Path, settings: BuildSettings, progress: Progress
) -> None:
    """Compile `component` into the file `target`, or raise `BuildError`."""
    stale, cached = _packages(component, settings, progress)
    progress.started(component, len(stale) / (len(stale) + cached or 1))
    done = 0

    def on_line(line: str) -> bool:
        nonlocal done
        if line not in stale:
            return True
        done += 1
        progress.compiling(component, done, len(stale))
        return False

    flags = [*component.build_flags, "-v", "-o", str(target)]
    _run(component, ["build", *flags, component.package], settings, on_line)


def _packages(
    component: Component, settings: BuildSettings, progress: Progress
) -> tuple[frozenset[str], int]:
    """Name the packages to compile and count those in Go's own cache; fetches the sources."""
    fetched = 0

    def on_line(line: str) -> bool:
        nonlocal fetched
        if not line.startswith("go: downloading "):
            return True
        fetched += 1
        progress.fetching(component, fetched)
        return False

    template = "{{if .Stale}}{{.ImportPath}}{{else}}-{{end}}"
    arguments = ["list", "-deps", *component.build_flags, "-f", template, component.package]
    listed = _run(component, arguments, settings, on_line)
    return frozenset(line for line in listed if line != "-"), listed.count("-")


def _run(
    component: Component,
    arguments: list[str],
    settings: BuildSettings,
    on_line: Callable[[str], bool],
) -> list[str]:
    """Run go in the component's module and return what it printed.

    `on_line` sees each line of the error stream and returns whether it may explain a failure.
    """
    last: deque[str] = deque(maxlen=_SHOWN_LINES)
    output: list[str] = []
    with subprocess.Popen(  # noqa: S603 - the user's own go
        [settings.go, *arguments],
        cwd=component.module_dir,
        env=dict(settings.environment),
        # One stream for both, so that neither can fill up unread.
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            for raw in process.stdout or ():
                if (line := raw.rstrip()) and on_line(line):
                    last.append(line)
                    output.append(line)
            code = process.wait()
        finally:
            _end(process)
    if code != 0:
        raise BuildError(component.name, _reason(code), tuple(last), _advice(code, last))
    return output


def _end(process: subprocess.Popen[str]) -> None:
    """Leave no compiler behind when the build is interrupted."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
            return
        process.kill()
        process.wait()


def _reason(code: int) -> str:
    return f"go was killed by signal {-code}" if code < 0 else f"go ended with status {code}"


def _advice(code: int, last: deque[str]) -> str:
    text = "\n".join(last).lower()
    if code < 0 or "signal: killed" in text:
        return _KILLED_ADVICE
    if "no space left on device" in text:
        return _DISK_ADVICE
    if any(sign in text for sign in ("dial tcp", "no such host", "i/o timeout", "proxy")):
        return _NETWORK_ADVICE
    return _ADVICE
