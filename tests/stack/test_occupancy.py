from __future__ import annotations

import os
import socket
from pathlib import Path

from stack.components.component import Component, Process
from stack.occupancy import taken_ports
from tests.stack.conftest import MakeSettings


def test_a_taken_port_is_named_with_its_holder_and_what_to_set(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings()
    process = Process(("loki",), Path("/"), ports=("loki", "loki_grpc"))
    parts = (Component("loki", "managed", process=process), Component("grafana", "absent"))
    assert taken_ports(settings, parts) == ()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", settings.ports.loki))
        listener.listen()
        (taken,) = taken_ports(settings, parts)
    assert f"process {os.getpid()}" in taken.holder
    assert str(taken).startswith(f"loki: port {settings.ports.loki} is in use by ")
    assert str(taken).endswith("set GAUGEWAY_LOKI_PORT or GAUGEWAY_PORT_OFFSET")
