"""Small real HTTP servers that stand in for the parts of a stack."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from stack.components.component import Component, Process
from stack.probes import HttpProbe
from stack.settings import Settings

# Answers 200, writes a line when it starts and when it is asked to stop, and ends with 3 at /die.
_SERVER = """
import os, signal, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
name, port, stops = sys.argv[1], int(sys.argv[2]), sys.argv[3]

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die":
            print(name, "was told to die", flush=True)
            os._exit(3)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"version": "1.2.3"}')
    def log_message(self, *_): pass

def stop(*_):
    with open(stops, "a") as file:
        file.write(name + chr(10))
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
print(name, "listens", os.environ.get("GREETING", ""), flush=True)
HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
_DIES = "import sys; print('the disk is on fire', flush=True); sys.exit(7)"


def server(
    settings: Settings,
    name: str,
    port_name: str,
    *,
    after: tuple[str, ...] = (),
    private_environment: Mapping[str, str] | None = None,
) -> Component:
    """A part that works."""
    url = settings.url(port_name)
    return Component(
        name=name,
        origin="managed",
        url=url,
        probe=HttpProbe(url, url, ("version",)),
        process=Process(
            command=(
                sys.executable,
                "-c",
                _SERVER,
                name,
                str(getattr(settings.ports, port_name)),
                str(stops(settings)),
            ),
            directory=settings.home.path,
            private_environment=private_environment or {},
            after=after,
            ports=(port_name,),
            stop_seconds=5,
        ),
    )


def dying(settings: Settings, name: str, port_name: str) -> Component:
    """A part that ends as soon as it has started."""
    url = settings.url(port_name)
    process = Process((sys.executable, "-c", _DIES), Path("/"), ports=(port_name,))
    return Component(name, "managed", url, HttpProbe(url), process)


def stops(settings: Settings) -> Path:
    """The file in which parts write their name when they are asked to stop."""
    return settings.home.path / "stops"
