"""Starts the application beside the service, as any other application of somebody's is."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from cli.proving.private_stack import PrivateStack

NAME = "proof-application"


@asynccontextmanager
async def application(
    stack: PrivateStack, arguments: Iterable[str], *, name: str = NAME, version: str = "1"
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run it with these arguments; what is left of it at the end is killed."""
    scripts = Path(sys.executable).parent
    settings = stack.settings
    process = await asyncio.create_subprocess_exec(
        str(scripts / "opentelemetry-instrument"),
        sys.executable,
        *("-m", "cli.proving.application"),
        *arguments,
        cwd=settings.checkout,
        env={
            "PATH": f"{scripts}:/usr/bin:/bin",
            "OTEL_SERVICE_NAME": name,
            "OTEL_RESOURCE_ATTRIBUTES": f"service.version={version}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": settings.otlp_http_url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "GAUGEWAY_ENV": "dev",
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
