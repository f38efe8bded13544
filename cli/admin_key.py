"""The key that commands of this machine's operator ask the service with."""

from __future__ import annotations

from pathlib import Path

from service.key_file import KEYS_FILE, read_records
from service.keys import add_key, split_key
from stack.containers import runs_in_containers
from stack.home import Home, private_directory, write_private
from stack.settings import Settings

_APP = "gaugeway-top"
_HOW = "`gaugeway keys create --role admin NAME`"


class AdminKeyError(RuntimeError):
    """There is no key to use; the message says how to come by one."""


def admin_key(settings: Settings, *, file: Path | None, remote: bool) -> str:
    """The key in `file`, else GAUGEWAY_API_KEY, else one of this home's own, made where missing.

    Whoever may write into GAUGEWAY_HOME may make keys, so one more gives away nothing. A `remote`
    service has keys of its own. Raises `AdminKeyError`.
    """
    if file is not None:
        return _from_file(file)
    if settings.api_key:
        return settings.api_key
    if remote:
        raise AdminKeyError(
            f"A service at another address has keys of its own: make one there with {_HOW}, put "
            "it into a file and give --key-file FILE, or set GAUGEWAY_API_KEY."
        )
    if runs_in_containers(settings.home):
        raise AdminKeyError(
            "The service runs in a container: make a key with `docker compose exec service "
            "gaugeway keys create --role admin NAME`, put it into a file and give --key-file FILE."
        )
    if not settings.home.path.is_dir():
        raise AdminKeyError(
            f"There is no {settings.home.path}: start the service with `gaugeway up`, or set "
            "GAUGEWAY_HOME, or give --url and --key-file."
        )
    return _own_key(settings.home)


def _from_file(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AdminKeyError(f"{file} cannot be read ({type(error).__name__}).") from None
    if split_key(text) is None:
        raise AdminKeyError(f"{file} holds no key of Gaugeway; put one there, made with {_HOW}.")
    return text


def _own_key(home: Home) -> str:
    kept = private_directory(home.secrets) / "top-key"
    try:
        text = kept.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    pair = split_key(text)
    usable = {
        record.id
        for record in read_records(home.path / KEYS_FILE)
        if record.revoked_at is None and record.role == "admin"
    }
    if pair is not None and pair[0] in usable:
        return text
    text = add_key(home.path, _APP, "admin")
    write_private(kept, text + "\n")
    return text
