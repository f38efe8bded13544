"""How a stack is: each part's readiness, version and, where it is broken, what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stack.components.component import Component, Origin
from stack.logs import last_lines
from stack.plan import outlook
from stack.probes import Observation
from stack.record import as_running
from stack.settings import Settings
from stack.strays import find_strays
from stack.supervision.client import ProcessState, SupervisorClient, SupervisorError

_SHOWN_LINES = 12


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """One part as it is now; `ready` is None where it is not installed.

    `hint` says what is wrong and what to do; `dead` that its manager has given it up.
    `log_lines` are the last things said by a part that is not ready.
    """

    name: str
    origin: Origin
    url: str
    ready: bool | None
    version: str = ""
    hint: str = ""
    dead: bool = False
    log_lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StackStatus:
    """A whole stack as it is now; `left_behind` counts processes that a dead manager left."""

    up: bool
    environment: str
    service_url: str
    api_key: str
    components: tuple[ComponentStatus, ...]
    left_behind: int = 0

    @property
    def ready(self) -> bool:
        """Tell whether every part that is there is ready."""
        return all(part.ready is not False for part in self.components)

    def document(self) -> dict[str, Any]:
        """Return what `gaugeway status --json` prints."""
        return {
            "service": {"url": self.service_url, "api_key": self.api_key},
            "components": [
                {
                    "name": part.name,
                    "url": part.url,
                    "ready": part.ready,
                    "version": part.version,
                }
                for part in self.components
            ],
        }


async def stack_status(
    settings: Settings, outlook: Callable[[Settings], tuple[Component, ...]] = outlook
) -> StackStatus:
    """Look at every part of the stack at GAUGEWAY_HOME; `outlook` tells which parts there are."""
    settings = as_running(settings)
    states = await _states(settings)
    parts = outlook(settings)
    seen = await asyncio.gather(*(_observe(part) for part in parts))
    strays = await asyncio.to_thread(find_strays, settings.home) if states is None else []
    return StackStatus(
        up=states is not None,
        environment=settings.environment,
        service_url=settings.url("service"),
        api_key=api_key(settings),
        components=tuple(
            _status(settings, part, observation, states)
            for part, observation in zip(parts, seen, strict=True)
        ),
        left_behind=len(strays),
    )


def api_key(settings: Settings) -> str:
    """Return GAUGEWAY_API_KEY, else the key the service made for development, else nothing."""
    if settings.api_key:
        return settings.api_key
    try:
        return settings.home.dev_api_key.read_text().strip()
    except OSError:
        return ""


def component_status(
    settings: Settings, part: Component, observation: Observation, state: ProcessState | None
) -> ComponentStatus:
    """Combine what a probe saw with what the manager knows of a managed part."""
    dead = state is not None and state.dead
    ready = observation.ready and not dead
    lines = () if ready else tuple(last_lines(settings.home.log(part.name), _SHOWN_LINES))
    hint = "" if observation.ready else observation.reason
    if dead and state is not None:
        how = "was killed" if state.exit_code < 0 else f"ended with exit code {state.exit_code}"
        hint = f"{how}, after {state.restarts} restarts"
    if hint:
        hint = f"{hint}; see `gaugeway logs {part.name}`"
    return ComponentStatus(
        name=part.name,
        origin=part.origin,
        url=part.url,
        # A stranger that answers on the port of a part that has died is not that part.
        ready=ready,
        version=observation.version,
        hint=hint,
        dead=dead,
        log_lines=lines,
    )


def _status(
    settings: Settings,
    part: Component,
    observation: Observation,
    states: dict[str, ProcessState] | None,
) -> ComponentStatus:
    if part.origin == "absent":
        return ComponentStatus(part.name, "absent", "", None, hint=part.hint)
    if part.origin == "external":
        hint = "" if observation.ready else f"{observation.reason}; check REDIS_URL"
        return ComponentStatus(
            part.name, "external", part.url, observation.ready, observation.version, hint
        )
    if states is None:
        return ComponentStatus(part.name, "managed", part.url, False, hint="run `gaugeway up`")
    state = states.get(part.name)
    if state is None:
        hint = "not part of the running stack: `gaugeway down`, then `gaugeway up`"
        return ComponentStatus(part.name, "managed", part.url, False, hint=hint)
    return component_status(settings, part, observation, state)


async def _states(settings: Settings) -> dict[str, ProcessState] | None:
    try:
        return await SupervisorClient(settings.home.socket).states()
    except SupervisorError:
        return None


async def _observe(part: Component) -> Observation:
    return await part.probe.observe() if part.probe else Observation(ready=False)
