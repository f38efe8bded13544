"""What is emitted is what the scenarios say, and leaves the conventions only with a reason."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.sdk.trace import ReadableSpan

from otel import names
from otel.testing import Recorded, recorded
from tests.otel.conformance.scenarios import SCENARIOS

HERE = Path(__file__).parent
OUR_NAMESPACE = "gaugeway."


def _load(name: str) -> Any:
    return yaml.safe_load((HERE / name).read_text(encoding="utf-8"))


EXPECTED = _load("scenarios.yaml")
CONVENTIONS = _load("conventions.yaml")


def _type(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return "string[]"
    kinds: dict[type[object], str] = {bool: "boolean", int: "int", float: "double", str: "string"}
    return kinds[type(value)]


def _types(attributes: Mapping[str, Any] | None) -> dict[str, str]:
    return {key: _type(value) for key, value in (attributes or {}).items()}


def _emitted(telemetry: Recorded) -> dict[str, Any]:
    return {
        "spans": [
            {
                "name": span.name,
                "kind": span.kind.name,
                "status": span.status.status_code.name,
                "attributes": _types(span.attributes),
            }
            for span in telemetry.spans()
        ],
        "metrics": {
            name: sorted({key for point in points for key in point.attributes})
            for name, points in telemetry.metrics().items()
        },
        "logs": [
            {
                "body": log.log_record.body,
                "severity": log.log_record.severity_text,
                "attributes": _types(log.log_record.attributes),
            }
            for log in telemetry.logs()
        ],
    }


def test_every_scenario_has_its_expectation() -> None:
    assert set(SCENARIOS) == set(EXPECTED)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_emits_exactly_what_is_written_down(scenario: str) -> None:
    with recorded(install=True) as telemetry:
        SCENARIOS[scenario](telemetry.telemetry)
        assert _emitted(telemetry) == EXPECTED[scenario]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_scenario_emits_a_label_that_is_not_declared(scenario: str) -> None:
    declared = {metric.name: set(metric.attributes) for metric in names.METRICS}
    with recorded(install=True) as telemetry:
        SCENARIOS[scenario](telemetry.telemetry)
        for name, points in telemetry.metrics().items():
            for point in points:
                assert set(point.attributes) <= declared[name], name


def _violations() -> Iterator[str]:
    for play in SCENARIOS.values():
        with recorded(install=True) as telemetry:
            play(telemetry.telemetry)
            for span in telemetry.spans():
                yield from _of_span(span)
            for name, points in telemetry.metrics().items():
                for point in points:
                    yield from _of_metric(name, set(point.attributes))


def _of_span(span: ReadableSpan) -> Iterator[str]:
    attributes = dict(span.attributes or {})
    operation = attributes.get("gen_ai.operation.name")
    for name, rules in CONVENTIONS["spans"].items():
        if operation not in rules["operations"]:
            continue
        if span.name != f"{operation} {attributes.get('gen_ai.request.model')}":
            yield f"span {name}: name {span.name}"
        if span.kind.name != rules["kind"]:
            yield f"span {name}: kind {span.kind.name}"
        for required in set(rules["required"]) - set(attributes):
            yield f"span {name}: missing attribute {required}"
        for key, kind in _types(attributes).items():
            if key.startswith(OUR_NAMESPACE):
                continue
            wanted = rules["attributes"].get(key)
            if wanted is None:
                yield f"span {name}: unknown attribute {key}"
            elif wanted != kind:
                yield f"span {name}: attribute {key} is {kind}, not {wanted}"


def _of_metric(name: str, labels: set[str]) -> Iterator[str]:
    if name.startswith(OUR_NAMESPACE):
        return
    rules = CONVENTIONS["metrics"].get(name)
    if rules is None:
        yield f"metric {name}: not in the conventions"
        return
    (metric,) = [metric for metric in names.OURS if metric.name == name]
    if metric.kind.value != rules["kind"]:
        yield f"metric {name}: kind {metric.kind.value}"
    if metric.unit != rules["unit"]:
        yield f"metric {name}: unit {metric.unit}"
    if list(metric.buckets) != rules["buckets"]:
        yield f"metric {name}: buckets"
    for required in set(rules["required"]) - labels:
        yield f"metric {name}: missing label {required}"
    for label in labels - set(rules["attributes"]):
        yield f"metric {name}: unknown label {label}"


def test_every_violation_of_the_conventions_has_a_reason_and_still_occurs() -> None:
    known = {entry["rule"]: entry["reason"] for entry in _load("violations.yaml")}
    assert all(reason.strip() for reason in known.values())
    assert set(_violations()) == set(known)


def test_buckets_in_effect_are_those_of_the_conventions() -> None:
    with recorded(install=True) as telemetry:
        SCENARIOS["stream"](telemetry.telemetry)
        metrics = telemetry.metrics()
    for name, rules in CONVENTIONS["metrics"].items():
        for point in metrics[name]:
            assert list(point.bounds) == rules["buckets"], name
