"""Each list has one owner: base what comes in, an environment what goes out.

The Collector itself accepts an environment that opens its own way in or loosens what base does, so
`breaches` is what holds the seam; the tests below show that it sees each of these.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.collector.configurations import (
    ENVIRONMENTS,
    KINDS,
    Config,
    component_type,
    defined,
    load,
    pipelines,
)

SIGNALS = ("traces", "metrics", "logs")
OUT = {f"{signal}/out" for signal in SIGNALS}
# Who may send is the environment's to say, on the one receiver that listens.
DOOR = {"tls", "auth"}


def breaches(base: Config, environment: Config) -> list[str]:
    """Name everything in an environment's file that is not the environment's to say."""
    unread = _unread(environment)
    if unread:
        return unread
    found = [f"top level: {key}" for key in environment if key not in {*KINDS, "service"}]
    for kind in KINDS:
        theirs = defined(environment, kind)
        found += [f"{kind}: overrides {name}" for name in theirs if _overrides(base, kind, name)]
    found += [f"connectors: adds {name}" for name in defined(environment, "connectors")]
    found += _receiver_breaches(environment)
    found += _service_breaches(environment)
    return [*found, *_pipeline_breaches(base, environment)]


def _unread(environment: Config) -> list[str]:
    """Name what is written elsewhere, or nowhere: it would replace all that base has there.

    `processors: ${file:mine.yaml}` is merged as a text, in place of base's processors, before the
    Collector reads the file.
    """
    sections: dict[str, Any] = {key: environment[key] for key in KINDS if key in environment}
    sections["service"] = service = environment.get("service")
    if isinstance(service, dict):
        sections["service.pipelines"] = ways = cast("Config", service).get("pipelines")
        if isinstance(ways, dict):
            for name, pipeline in cast("Config", ways).items():
                sections[f"service.pipelines.{name}"] = pipeline
    receivers: Any = environment.get("receivers")
    at, place = receivers, "receivers"
    for key in ("otlp", "protocols"):
        if isinstance(at, dict) and key in at:
            at, place = cast("Config", at)[key], f"{place}.{key}"
            sections[place] = at
    if place == "receivers.otlp.protocols" and isinstance(at, dict):
        for name, protocol in cast("Config", at).items():
            sections[f"{place}.{name}"] = protocol
    return [f"{place}: no mapping" for place, value in sections.items() if type(value) is not dict]


def _overrides(base: Config, kind: str, name: str) -> bool:
    return name in defined(base, kind) and (kind, name) != ("receivers", "otlp")


def _receiver_breaches(environment: Config) -> list[str]:
    receivers = defined(environment, "receivers")
    found = [f"receivers: adds {name}" for name in receivers if name != "otlp"]
    otlp: Config = receivers.get("otlp") or {}
    protocols: dict[str, Config] = otlp.get("protocols") or {}
    found += [f"receivers.otlp: {key}" for key in otlp if key != "protocols"]
    for protocol, settings in protocols.items():
        found += [f"receivers.otlp.{protocol}: {key}" for key in settings if key not in DOOR]
    return found


def _service_breaches(environment: Config) -> list[str]:
    service: Config = environment.get("service") or {}
    return [f"service: {key}" for key in service if key not in {"extensions", "pipelines"}]


def _pipeline_breaches(base: Config, environment: Config) -> list[str]:
    theirs = pipelines(environment)
    found = [f"pipelines: {name}" for name in theirs if name not in OUT]
    found += [f"pipelines: no {name}" for name in sorted(OUT - theirs.keys())]
    own = defined(environment, "processors")
    for name, pipeline in theirs.items():
        if pipeline.get("receivers") != ["forward"]:
            found.append(f"{name}: fed by {pipeline.get('receivers')}")
        for processor in pipeline.get("processors", []):
            if processor not in own:
                found.append(f"{name}: uses base's processor {processor}")
        for exporter in pipeline.get("exporters", []):
            if exporter in defined(base, "connectors"):
                found.append(f"{name}: leads back into {exporter}")
    return found


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_says_only_what_is_its_own(name: str) -> None:
    assert breaches(load("base"), load(name)) == []


def test_base_takes_every_signal_in_and_ends_it_in_forward() -> None:
    base = load("base")
    assert {f"{signal}/in" for signal in SIGNALS} <= pipelines(base).keys()
    assert not OUT & pipelines(base).keys()
    assert not defined(base, "exporters")
    for name, pipeline in pipelines(base).items():
        assert pipeline["processors"][0] == "memory_limiter", name
        assert pipeline["exporters"][-1] == "forward", name


def test_the_service_map_is_drawn_from_every_span() -> None:
    base = pipelines(load("base"))
    assert "servicegraph" in base["traces/in"]["exporters"]
    assert any("servicegraph" in pipeline["receivers"] for pipeline in base.values())


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_signal_has_one_backend_and_self_telemetry_is_base_s(name: str) -> None:
    expected = {
        "traces/out": "otlp_http/tempo",
        "metrics/out": "otlp_http/prometheus",
        "logs/out": "otlp_http/loki",
    }
    for pipeline, exporter in expected.items():
        exporters = pipelines(load(name))[pipeline]["exporters"]
        assert [one for one in exporters if component_type(one) != "debug"] == [exporter]
    assert load("base")["service"]["telemetry"]["metrics"]["readers"]


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_outside_dev_the_door_is_locked_and_queues_are_on_disk(name: str) -> None:
    config = load(name)
    for protocol in ("grpc", "http"):
        settings = config["receivers"]["otlp"]["protocols"][protocol]
        assert {"cert_file", "key_file"} <= settings["tls"].keys()
        assert settings["auth"] == {"authenticator": "bearertokenauth"}
    for exporter in config["exporters"].values():
        assert exporter["sending_queue"]["storage"] == "file_storage"
        assert exporter["retry_on_failure"]
    assert {"health_check", "bearertokenauth", "file_storage"} <= {*config["service"]["extensions"]}


def _edit(*path: str, value: Any) -> Callable[[Config], None]:
    def change(config: Config) -> None:
        at = config
        for key in path[:-1]:
            at = at.setdefault(key, {})
        at[path[-1]] = value

    return change


WAYS_ROUND = {
    "its own way in": _edit(
        "service", "pipelines", "traces/mine", value={"receivers": ["otlp"], "exporters": ["debug"]}
    ),
    "base's pipeline": _edit(
        "service", "pipelines", "traces/in", value={"receivers": ["otlp"], "exporters": ["forward"]}
    ),
    "fed by the receiver": _edit(
        "service", "pipelines", "logs/out", value={"receivers": ["otlp"], "exporters": ["debug"]}
    ),
    "fed by both": _edit(
        "service",
        "pipelines",
        "logs/out",
        value={"receivers": ["forward", "otlp"], "exporters": ["debug"]},
    ),
    "a looser limit": _edit("processors", "memory_limiter", value={"limit_mib": 99999}),
    "another receiver": _edit("receivers", "otlp/open", value={"protocols": {"http": {}}}),
    "another address": _edit(
        "receivers", "otlp", "protocols", "http", value={"endpoint": "0.0.0.0:4318"}
    ),
    "another connector": _edit("connectors", "forward/mine", value=None),
    "another service map": _edit("connectors", "servicegraph", value={}),
    "no self-telemetry": _edit("service", "telemetry", value={"metrics": {"level": "none"}}),
    "processors from elsewhere": _edit("processors", value="${file:mine.yaml}"),
    "receivers from elsewhere": _edit("receivers", value="${env:MINE}"),
    "pipelines from elsewhere": _edit("service", "pipelines", value="${file:mine.yaml}"),
    "a pipeline from elsewhere": _edit("service", "pipelines", "logs/out", value="${env:MINE}"),
    "no processors": _edit("processors", value=None),
    "no receiver": _edit("receivers", "otlp", value=None),
    "no protocols": _edit("receivers", "otlp", "protocols", value=None),
    "no address": _edit("receivers", "otlp", "protocols", "http", value=None),
    "base's pipeline undone": _edit("service", "pipelines", "traces/in", value=None),
    "a loop": _edit(
        "service",
        "pipelines",
        "traces/out",
        value={"receivers": ["forward"], "exporters": ["servicegraph"]},
    ),
}


@pytest.mark.parametrize("way", WAYS_ROUND)
def test_a_way_round_base_is_seen(way: str) -> None:
    config = copy.deepcopy(load("dev"))
    WAYS_ROUND[way](config)
    assert breaches(load("base"), config)
