"""Grafana is provisioned with the backends by fixed uids, linked in every direction."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from grafana.dashboards import build, datasources
from grafana.dashboards.selectors import label
from otel import attributes
from tests.grafana.dashboard_files import PROVISIONING, Json, provisioned_datasources

URLS = {
    "prometheus": "$GAUGEWAY_PROMETHEUS_URL",
    "loki": "$GAUGEWAY_LOKI_URL",
    "tempo": "$GAUGEWAY_TEMPO_URL",
    "alertmanager": "$GAUGEWAY_ALERTMANAGER_URL",
}
# Grafana reads these folders and no other.
FOLDERS = {"datasources", "dashboards", "alerting", "plugins", "notifiers", "access-control"}


def files() -> list[Path]:
    return sorted(PROVISIONING.rglob("*.yaml"))


def _settings(uid: str) -> Json:
    return provisioned_datasources()[uid]["jsonData"]


def test_the_uids_are_those_that_dashboards_name() -> None:
    assert set(provisioned_datasources()) == datasources.UIDS == set(URLS)
    for uid, source in provisioned_datasources().items():
        assert source["type"] == uid
        assert source["url"] == URLS[uid]


def test_exactly_one_data_source_is_the_default() -> None:
    chosen = [uid for uid, source in provisioned_datasources().items() if source.get("isDefault")]
    assert chosen == [datasources.PROMETHEUS_UID]


def test_every_link_between_data_sources_leads_to_one_that_exists() -> None:
    text = "".join(path.read_text() for path in (PROVISIONING / "datasources").glob("*.yaml"))
    linked = set(re.findall(r"(?:datasourceUid|alertmanagerUid): (\S+)", text))
    assert linked == datasources.UIDS


def test_an_exemplar_leads_to_its_trace() -> None:
    [destination] = _settings("prometheus")["exemplarTraceIdDestinations"]
    assert destination["name"] == "trace_id"
    assert destination["datasourceUid"] == datasources.TEMPO_UID


def test_a_log_record_leads_to_its_trace_by_structured_metadata() -> None:
    [derived] = _settings("loki")["derivedFields"]
    assert derived["matcherType"] == "label"
    assert derived["matcherRegex"] == "trace_id"
    assert derived["datasourceUid"] == datasources.TEMPO_UID
    assert derived["url"] == "$${__value.raw}"


def test_a_span_leads_to_its_lines() -> None:
    logs = _settings("tempo")["tracesToLogsV2"]
    assert logs["datasourceUid"] == datasources.LOKI_UID
    assert logs["customQuery"]
    assert logs["query"] == '{$${__tags}} | trace_id="$${__trace.traceId}"'
    assert logs["tags"] == [{"key": "service.name", "value": "service_name"}]


def test_a_span_leads_to_its_metrics_by_labels_they_have() -> None:
    metrics = _settings("tempo")["tracesToMetrics"]
    assert metrics["datasourceUid"] == datasources.PROMETHEUS_UID
    assert [tag["key"] for tag in metrics["tags"]] == [
        attributes.PROVIDER_NAME,
        attributes.REQUEST_MODEL,
    ]
    for tag in metrics["tags"]:
        assert tag["value"] == label(tag["key"])
    for query in metrics["queries"]:
        assert "{$$__tags}" in query["query"]


def test_the_service_map_and_the_node_graph_are_on() -> None:
    tempo = _settings("tempo")
    assert tempo["serviceMap"]["datasourceUid"] == datasources.PROMETHEUS_UID
    assert tempo["nodeGraph"]["enabled"]


def test_a_variable_of_grafanas_own_is_escaped_and_one_of_ours_is_documented() -> None:
    for path in files():
        lines = path.read_text().splitlines()
        comment = "\n".join(line for line in lines if line.lstrip().startswith("#"))
        body = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
        # Without a name after it, a dollar stays one; `$__file{…}` is Grafana's own way to a file.
        plain = re.sub(r"\$__file\{[^}]*\}", "", body.replace("$$", ""))
        # Grafana reads the model of a rule's query as it is: `$B` is the step before.
        plain = re.sub(r"(?m)^ +expression: \$B .*$", "", plain)
        for braced, bare in re.findall(r"\$(?:\{(\w*)\}|(\w+))", plain):
            name = braced or bare
            assert name.startswith("GAUGEWAY_"), f"{path.name}: ${name} would be expanded"
            assert name in comment, f"{path.name} does not say what {name} is"


def test_dashboards_are_read_only_and_come_from_one_folder() -> None:
    [path] = (PROVISIONING / "dashboards").glob("*.yaml")
    [provider] = yaml.safe_load(path.read_text())["providers"]
    assert provider["options"]["path"] == "$GAUGEWAY_DASHBOARDS_PATH"
    assert not provider["allowUiUpdates"]
    assert provider["disableDeletion"]
    assert build.FOLDER.parts[-3:] == ("grafana", "dashboards", "json")


def test_every_folder_is_one_that_grafana_reads() -> None:
    assert {path.parent.name for path in files()} <= FOLDERS
    assert not list(PROVISIONING.rglob("*.yml"))
