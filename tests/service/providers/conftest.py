from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from service.providers.transport import AiohttpTransport, open_transport
from tests.service.providers import wire


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    opened = open_transport()
    yield opened
    await opened.close()


@pytest.fixture
async def upstream() -> AsyncIterator[wire.Upstream]:
    async with wire.upstream() as state:
        yield state
