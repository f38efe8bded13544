"""What can go wrong on the way to a binary; every message says what to do about it."""


class BinaryError(Exception):
    """A binary cannot be had; the message is meant for the person at the terminal."""


class ToolchainError(BinaryError):
    """Go is missing, or older than a component's module needs."""


class BuildError(BinaryError):
    """A component did not compile; carries the component's name and the last lines of the build."""

    def __init__(self, component: str, reason: str, last_lines: tuple[str, ...], advice: str):
        self.component = component
        self.last_lines = last_lines
        shown = "".join(f"\n    {line}" for line in last_lines)
        super().__init__(f"{component} could not be built: {reason}{shown}\n  {advice}")
