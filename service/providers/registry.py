"""Which providers there are: a new one is one file, one line here and one test."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from service.providers.anthropic import anthropic
from service.providers.openai import openai
from service.providers.protocol import Provider
from service.providers.simulated.provider import simulated
from service.providers.transport import Transport
from service.targets import Connection, Targets, TargetsError

Factory = Callable[[Connection, Transport], Provider]

FACTORIES: Mapping[str, Factory] = {
    "simulated": simulated,
    "openai": openai,
    "anthropic": anthropic,
}


def build_providers(targets: Targets, *, transport: Transport) -> Mapping[str, Provider]:
    """One provider for each target, by target name, all over the one transport.

    Raises `TargetsError` for a provider that does not exist or options it does not take.
    """
    return {name: _build(item, transport) for name, item in targets.connections.items()}


def _build(connection: Connection, transport: Transport) -> Provider:
    factory = FACTORIES.get(connection.provider)
    if factory is None:
        raise TargetsError(
            f"{connection.location}.provider: there is no provider '{connection.provider}'; "
            f"there are {', '.join(FACTORIES)}."
        )
    return factory(connection, transport)
