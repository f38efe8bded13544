"""The same stack in containers, through `docker compose`: start, stop, look."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from stack.components.component import NAMES
from stack.home import Home
from stack.ports import port_variable
from stack.record import Record, read_record, write_record
from stack.settings import Settings
from stack.status import ComponentStatus, StackStatus

_ASK_SECONDS: Final = 30.0
# Images are fetched, or the service's built, at the first start.
_START_SECONDS: Final = 1800.0
_STOP_SECONDS: Final = 180.0
_OWN_IMAGE: Final = "gaugeway/"
_DEV_KEY: Final = "/var/lib/gaugeway/dev-api-key"
_SHOWN_LINES: Final = 12
# Published on this machine, with the name of its port; the others only containers reach.
_PUBLISHED: Final = {
    "service": "service",
    "collector": "otlp_http",
    "prometheus": "prometheus",
    "loki": "loki",
    "tempo": "tempo",
    "alertmanager": "alertmanager",
    "grafana": "grafana",
}
_PUBLISHED_OUTSIDE_DEV: Final = frozenset({"service", "collector", "grafana"})


class ContainersError(RuntimeError):
    """Docker did not do what it was asked; the message is what it said."""


@dataclass(frozen=True, slots=True)
class _Said:
    code: int
    out: str
    err: str


class Containers:
    """The stack of docker-compose.yml, in the environment and on the ports of `settings`."""

    def __init__(self, settings: Settings, *, docker: str = "docker"):
        self._settings = settings
        self._docker = docker
        self._file = str(settings.checkout / "docker-compose.yml")

    async def obstacle(self) -> str:
        """Say why containers cannot be used here; empty if they can.

        Engine, compose and every image must answer; an image that is not here yet must be at its
        registry.
        """
        if (await self._run("version", "--format", "{{.Server.Version}}")).code != 0:
            return "no Docker engine answers"
        if (await self._run("compose", "version")).code != 0:
            return "`docker compose` is not installed"
        images = await self._compose("config", "--images")
        if images.code != 0:
            return f"docker-compose.yml is refused: {_last(images)}"
        foreign = [name for name in images.out.split() if not name.startswith(_OWN_IMAGE)]
        answers = await asyncio.gather(*(self._available(name) for name in sorted(set(foreign))))
        missing = [
            name for name, there in zip(sorted(set(foreign)), answers, strict=True) if not there
        ]
        return f"no image {', '.join(missing)}" if missing else ""

    async def start(self) -> float:
        """Start everything and wait until it is healthy; returns the seconds it took."""
        began = time.monotonic()
        self._settings.home.prepare()
        said = await self._compose("up", "--detach", "--wait", seconds=_START_SECONDS)
        if said.code != 0:
            raise ContainersError(f"docker compose up failed: {said.err.strip()}")
        record = Record(self._settings.environment, self._settings.ports, 0, engine="docker")
        write_record(self._settings.home, record)
        return time.monotonic() - began

    async def stop(self) -> bool:
        """Stop everything and keep the volumes."""
        said = await self._compose("down", seconds=_STOP_SECONDS)
        if said.code != 0:
            raise ContainersError(f"docker compose down failed: {said.err.strip()}")
        self._settings.home.record.unlink(missing_ok=True)
        return True

    async def status(self) -> StackStatus:
        """Look at every container."""
        said = await self._compose("ps", "--all", "--format", "json")
        containers = {item["Service"]: item for item in _items(said.out)}
        parts = [await self._part(name, containers.get(name)) for name in NAMES]
        return StackStatus(
            up=any(part.ready for part in parts),
            environment=self._settings.environment,
            service_url=self._settings.url("service"),
            api_key=self._settings.api_key or await self._dev_key(),
            components=tuple(parts),
        )

    def logs_command(self, name: str, lines: int, *, keep_on: bool) -> tuple[str, ...]:
        """Return the command that shows a container's log."""
        follow = ("--follow",) if keep_on else ()
        shown = ("--no-log-prefix", "--tail", str(lines), *follow, name)
        return (self._docker, "compose", "--file", self._file, "logs", *shown)

    def environment(self) -> dict[str, str]:
        """Return what `docker compose` is run with: the operator's environment and our ports."""
        ports = {port_variable(name): str(port) for name, port in self._settings.ports}
        receivers = self._settings.receivers_folder
        # Without one compose mounts the checkout's, which is empty.
        folder = {"GAUGEWAY_RECEIVERS_DIR": str(receivers)} if receivers.is_dir() else {}
        return {
            **self._settings.inherited,
            **ports,
            **folder,
            "GAUGEWAY_ENV": self._settings.environment,
            "GAUGEWAY_ALERTING": self._settings.alerting,
        }

    async def _part(self, name: str, container: Mapping[str, Any] | None) -> ComponentStatus:
        url = self._url(name)
        if container is None:
            return ComponentStatus(name, "managed", url, False, hint="run `gaugeway up`")
        state, health = container.get("State", ""), container.get("Health", "")
        ready = state == "running" and health in ("", "healthy")
        dead = state in ("exited", "dead")
        version = str(container.get("Image", "")).rpartition(":")[2]
        hint = (
            ""
            if ready
            else f"{' '.join(filter(None, (state, health)))}; see "
            + (f"`docker compose logs {name}`")
        )
        lines = await self._last_lines(name) if dead else ()
        return ComponentStatus(name, "managed", url, ready, version, hint, dead, lines)

    async def _last_lines(self, name: str) -> tuple[str, ...]:
        said = await self._compose("logs", "--no-log-prefix", "--tail", str(_SHOWN_LINES), name)
        return tuple(said.out.splitlines())

    def _url(self, name: str) -> str:
        hidden = self._settings.secured and name not in _PUBLISHED_OUTSIDE_DEV
        if name not in _PUBLISHED or hidden:
            return ""
        if name == "collector":
            return self._settings.otlp_http_url
        return self._settings.url(_PUBLISHED[name])

    async def _dev_key(self) -> str:
        if self._settings.secured:
            return ""
        said = await self._compose("exec", "--no-TTY", "service", "cat", _DEV_KEY)
        return said.out.strip() if said.code == 0 else ""

    async def _available(self, image: str) -> bool:
        if (await self._run("image", "inspect", image)).code == 0:
            return True
        return (await self._run("manifest", "inspect", image)).code == 0

    async def _compose(self, *arguments: str, seconds: float = _ASK_SECONDS) -> _Said:
        return await self._run("compose", "--file", self._file, *arguments, seconds=seconds)

    async def _run(self, *arguments: str, seconds: float = _ASK_SECONDS) -> _Said:
        try:
            process = await asyncio.create_subprocess_exec(
                self._docker,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self.environment(),
            )
        except OSError as error:
            return _Said(127, "", f"{self._docker}: {error.strerror}")
        try:
            async with asyncio.timeout(seconds):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            return _Said(124, "", f"docker {arguments[0]} took longer than {seconds:.0f} s")
        return _Said(process.returncode or 0, out.decode(), err.decode())


def runs_in_containers(home: Home) -> bool:
    """Tell whether the stack on record is one of containers."""
    record = read_record(home)
    return record is not None and record.engine == "docker"


def _items(text: str) -> Sequence[Mapping[str, Any]]:
    """Read what `ps` prints: an array in older releases, an object a line in newer ones."""
    if text.lstrip().startswith("["):
        return cast("list[dict[str, Any]]", json.loads(text))
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _last(said: _Said) -> str:
    lines = (said.err or said.out).strip().splitlines()
    return lines[-1] if lines else "no reason given"
