"""`gaugeway demo`."""


def demo() -> None:
    """Demo."""
