"""Changes a module when the application imports it, and never keeps it from being imported."""

import logging
from collections.abc import Callable
from typing import Any

import wrapt

_logger = logging.getLogger("opentelemetry.gaugeway.hooks")


def when_imported(module: str, change: Callable[[Any], None]) -> None:
    """Call `change` with the module once it is imported, now if it is already."""

    def changed(imported: Any) -> None:
        try:
            change(imported)
        except Exception:  # a module that looks different than expected is left as it is
            _logger.exception("Instrumenting %s failed", module)

    wrapt.register_post_import_hook(changed, module)
