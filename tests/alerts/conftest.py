"""Settings and homes as the stack's own tests have them."""

from tests.stack.conftest import home, make_settings

__all__ = ["home", "make_settings"]
