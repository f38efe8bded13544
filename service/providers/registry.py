"""Which providers there are: a new one is one file, one line here and one test."""

from __future__ import annotations

from collections.abc import Mapping

from service.providers.protocol import Provider
from service.providers.transport import Transport
from service.targets import Targets


def build_providers(targets: Targets, *, transport: Transport) -> Mapping[str, Provider]:
    """One provider for each target, by target name, all over the one transport."""
    raise NotImplementedError
