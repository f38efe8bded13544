from __future__ import annotations

import pytest

from service.providers.registry import FACTORIES, build_providers
from service.providers.transport import AiohttpTransport
from service.targets import Targets, TargetsError, load_targets
from tests.service.providers import wire


async def test_each_target_gets_its_own_provider(transport: AiohttpTransport) -> None:
    connections = {
        name: wire.connection("http://127.0.0.1:9", provider=name, key=None) for name in FACTORIES
    }
    providers = build_providers(Targets(connections, {}), transport=transport)
    assert set(providers) == {"simulated", "openai", "anthropic"}
    assert len({id(provider) for provider in providers.values()}) == 3


async def test_the_shipped_targets_can_be_built_and_checked(transport: AiohttpTransport) -> None:
    providers = build_providers(load_targets(credentials={}), transport=transport)
    for provider in providers.values():
        await provider.check()


async def test_an_unknown_provider_is_told_with_its_place(transport: AiohttpTransport) -> None:
    connections = {"a": wire.connection(None, provider="opnai")}
    with pytest.raises(
        TargetsError, match=r"upstream\.provider: there is no provider 'opnai'; there are simulated"
    ):
        build_providers(Targets(connections, {}), transport=transport)
