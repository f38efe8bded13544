"""The Go toolchain: is it there, is it new enough, what does it say of itself."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from stack.binaries.components import Component
from stack.binaries.errors import ToolchainError
from stack.binaries.settings import BuildSettings

_ADVICE = (
    "Install Go {needed} or newer (https://go.dev/doc/install, or your system's package), put it "
    "on PATH or name it in GAUGEWAY_GO, and run the command again."
)


@dataclass(frozen=True)
class Toolchain:
    """The Go that will compile one module, and what it compiles for."""

    version: str
    platform: tuple[str, ...]


def needed_version(component: Component) -> str:
    """Return the Go version that the component's go.mod asks for."""
    text = (component.module_dir / "go.mod").read_text()
    if found := re.search(r"^go (\S+)$", text, re.MULTILINE):
        return found.group(1)
    raise ToolchainError(f"{component.module_dir / 'go.mod'} has no `go` line; restore the file.")


def toolchain(component: Component, settings: BuildSettings) -> Toolchain:
    """Return the Go that serves `component`, or raise `ToolchainError` saying what to install."""
    needed = needed_version(component)
    advice = _ADVICE.format(needed=needed)
    try:
        # Asked inside the module: a Go that may fetch newer toolchains answers as the one it
        # switches to, one that may not answers with an error.
        answer = subprocess.run(  # noqa: S603 - the user's own go
            [settings.go, "env", "GOVERSION", "GOOS", "GOARCH", "GOAMD64", "GOARM64"],
            cwd=component.module_dir,
            env=dict(settings.environment),
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise ToolchainError(
            f"{component.name} is built with Go, and `{settings.go}` cannot be run: "
            f"{error.strerror}.\n  {advice}"
        ) from error
    if answer.returncode != 0:
        raise ToolchainError(
            f"Go cannot build {component.name} {component.version}: "
            f"{answer.stderr.strip() or 'no reason given'}\n  {advice}"
        )
    version, *platform = answer.stdout.split("\n")
    if _as_numbers(version) < _as_numbers(needed):
        raise ToolchainError(
            f"{component.name} {component.version} needs Go {needed}; `{settings.go}` is "
            f"{version.removeprefix('go')}.\n  {advice}"
        )
    return Toolchain(version=version, platform=tuple(platform))


def _as_numbers(version: str) -> tuple[int, ...]:
    """Compare by release: `go1.26.5` is (1, 26, 5), and `go1.26rc1` counts as (1, 26)."""
    found = re.match(r"(?:go)?(\d+)(?:\.(\d+))?(?:\.(\d+))?", version)
    return tuple(int(part or 0) for part in found.groups()) if found else (0, 0, 0)
