"""Which of a stack's ports somebody else already listens on, and who that is."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

import psutil

from stack.components.component import Component
from stack.ports import port_variable
from stack.settings import Settings


@dataclass(frozen=True, slots=True)
class TakenPort:
    """A port a part needs and cannot have; `holder` is a program and its id, or empty."""

    component: str
    variable: str
    port: int
    holder: str

    def __str__(self) -> str:
        by = f" by {self.holder}" if self.holder else ""
        return (
            f"{self.component}: port {self.port} is in use{by}: "
            f"set {self.variable} or GAUGEWAY_PORT_OFFSET"
        )


def taken_ports(settings: Settings, parts: tuple[Component, ...]) -> tuple[TakenPort, ...]:
    """Try each port the managed parts will listen on; returns those that cannot be had."""
    needed = [
        (part.name, name, int(getattr(settings.ports, name)))
        for part in parts
        if part.process is not None
        for name in part.process.ports
    ]
    return tuple(
        TakenPort(component, port_variable(name), port, _holder(port))
        for component, name, port in needed
        if not is_free(port)
    )


def is_free(port: int) -> bool:
    """Whether a server of ours could listen on a port of the loopback at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        # As servers do it: a connection that lingers after its server's end does not count.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno not in {errno.EADDRINUSE, errno.EACCES}
    return True


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and connection.laddr and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        # Other users' sockets may be hidden from us; the port is taken all the same.
        return ""
    return ""
