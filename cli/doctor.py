"""`gaugeway doctor`."""


def doctor() -> None:
    """Doctor."""
