"""Which receivers there are: one secret file each, in one folder.

`slack-ops` is Slack's for the team ops, `slack` for every team without one of its own. A receiver
without a file is not there, and nobody is notified by it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from grafana.alerts.alert import Team
from grafana.alerts.routes import Channel

SMTP: Final = "smtp"
# Grafana would look for a variable after a `$`; none of these has one, or a space.
_PLAIN: Final = re.compile(r"[^\s$]+")


class ReceiverError(ValueError):
    """A file holds what its receiver cannot use; the message names it and never repeats it."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """How mail is sent. One that takes a password must speak TLS, on port 465 from the start."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Receivers:
    """What the folder holds: an address or key for each file, and the mail server, if any."""

    secrets: Mapping[str, str]
    mail: MailServer | None = None

    def file(self, channel: Channel, team: Team) -> str | None:
        """The name of the file for a team on a channel, or None where it has none."""
        if channel is Channel.EMAIL and self.mail is None:
            return None
        for name in (f"{channel}-{team}", str(channel)):
            if name in self.secrets:
                return name
        return None


def read(folder: Path) -> Receivers:
    """The receivers of a folder, which need not exist; raises `ReceiverError`."""
    texts: dict[str, str] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".") or not path.is_file():
            continue
        if text := path.read_text(encoding="utf-8").strip():
            texts[path.name] = text
    known = {SMTP, *names()}
    if unknown := sorted(set(texts) - known):
        raise ReceiverError(
            f"{folder / unknown[0]} is no receiver; there are {', '.join(sorted(known))}"
        )
    mail = texts.pop(SMTP, None)
    for name, text in texts.items():
        _check(folder / name, Channel(name.partition("-")[0]), text)
    if mail is None and any(name.startswith(Channel.EMAIL) for name in texts):
        raise ReceiverError(f"{folder} has addresses for email and no file {SMTP}")
    return Receivers(texts, None if mail is None else _mail_server(folder / SMTP, mail))


def names() -> tuple[str, ...]:
    """Every name that a receiver's file can have."""
    return tuple(
        f"{channel}{team}" for channel in Channel for team in ("", *(f"-{one}" for one in Team))
    )


def _check(path: Path, channel: Channel, text: str) -> None:
    if channel is Channel.EMAIL:
        if all(_is_address(one) for one in text.split(",")):
            return
        raise ReceiverError(f"{path} must hold addresses, with commas between them")
    if channel is Channel.PAGERDUTY:
        if _PLAIN.fullmatch(text):
            return
        raise ReceiverError(f"{path} must hold the routing key of a service, and nothing else")
    if not (_PLAIN.fullmatch(text) and _is_web_address(text)):
        raise ReceiverError(f"{path} must hold one address that begins with https:// or http://")


def _is_address(text: str) -> bool:
    name, at, domain = text.strip().partition("@")
    return bool(name and at and domain and parseaddr(text.strip())[1] == text.strip())


def _is_web_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _mail_server(path: Path, text: str) -> MailServer:
    expected = f"{path} must hold smtp://USER:PASSWORD@HOST:PORT?from=ADDRESS, signs in it as %40"
    try:
        parts = urlsplit(text)
        sender = parse_qs(parts.query)["from"][0]
        port = parts.port or 587
    except (ValueError, KeyError):
        raise ReceiverError(expected) from None
    if parts.scheme != "smtp" or not parts.hostname or not _is_address(sender):
        raise ReceiverError(expected)
    user, password = (unquote(part or "") for part in (parts.username, parts.password))
    return MailServer(parts.hostname, port, sender, user, password)
