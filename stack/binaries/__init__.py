"""The real components as binaries, built once from their published Go modules and kept in a cache.

`ensure(names)` returns the path of each asked-for binary, building what the cache lacks. The cache
lies outside the checkout, so a fresh clone of the same versions starts without building.
"""

from stack.binaries.components import COMPONENTS, Component
from stack.binaries.ensure import Readiness, ensure, readiness
from stack.binaries.errors import BinaryError, BuildError, ToolchainError
from stack.binaries.progress import Progress, console_progress
from stack.binaries.settings import BuildSettings

__all__ = [
    "COMPONENTS",
    "BinaryError",
    "BuildError",
    "BuildSettings",
    "Component",
    "Progress",
    "Readiness",
    "ToolchainError",
    "console_progress",
    "ensure",
    "readiness",
]
