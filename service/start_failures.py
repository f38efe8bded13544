"""Why the service does not start, as one line: which setting is at fault and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from service.budgets.declared import BudgetsError
from service.key_file import KeysError
from service.price_file import PriceFileError
from service.settings import SettingsError
from service.targets import TargetsError
from service.users import UserHashError

EXIT_STATUS = 3
"""What servers take for an application that would fail the same way again: uvicorn and gunicorn end
their other workers and themselves, where any other status is a worker to be replaced."""

_PREFIX = "The service cannot start. "
_VARIABLES: Mapping[type[Exception], str] = {
    SettingsError: "",
    TargetsError: "GAUGEWAY_TARGETS",
    BudgetsError: "GAUGEWAY_BUDGETS",
    PriceFileError: "GAUGEWAY_PRICES",
    KeysError: "GAUGEWAY_HOME",
    UserHashError: "",
}


def start_failure(error: BaseException) -> str | None:
    """The line for an error that somebody can put right; None for one that nobody foresaw."""
    for kind, variable in _VARIABLES.items():
        if isinstance(error, kind):
            text = _one_line(str(error)).removeprefix(_PREFIX)
            named = f"{variable}: " if variable and variable not in text else ""
            return f"{_PREFIX}{named}{text}"
    if isinstance(error, OSError) and error.filename is not None:
        return (
            f"{_PREFIX}{error.strerror}: {error.filename!r}. GAUGEWAY_HOME has to be a folder that "
            "it can read and write."
        )
    return None


def _one_line(text: str) -> str:
    """What is wrong with a file is told a line each; here they follow each other."""
    first, *others = (line.strip() for line in text.splitlines() if line.strip())
    return f"{first} {'; '.join(others)}" if others else first
