"""A real Grafana reads what is provisioned, answers every panel and evaluates every alert."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from bench.serving import ROOT
from grafana.alerts import grafana_routes
from grafana.alerts.declared import ALERTS
from grafana.alerts.receivers import read
from grafana.dashboards import build, datasources
from tests.e2e.grafana_api import Question, questions
from tests.e2e.grafana_stack import Evaluating, evaluating, where_one_is_installed
from tests.e2e.polling import NotYetError, until
from tests.grafana.backends import ask
from tests.grafana.dashboard_files import Json, dashboards, panels, with_values

pytestmark = where_one_is_installed

# What the page of a data source asks to test it, and what a healthy one then answers. Not the
# route `/health`: before Grafana 10 it is there for none of these.
HEALTH = {
    "prometheus": ("api/v1/query?query=1%2B1", '"status":"success"'),
    "loki": ("loki/api/v1/query?query=vector(1)%2Bvector(1)", '"status":"success"'),
    "tempo": ("api/echo", "echo"),
    "alertmanager": ("api/v2/status", '"versionInfo"'),
}
# A rule of a minute is evaluated within this time, and what it records is there to be seen.
EVALUATED_WITHIN = 150.0
# Grafana's Alertmanager reads its configuration once a minute.
NOTIFIED_WITHIN = 170.0


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Generator[Evaluating]:
    with evaluating(tmp_path_factory.mktemp("grafana")) as started:
        yield started


def test_every_data_source_is_provisioned_and_healthy(used: Evaluating) -> None:
    sources = {one["uid"]: one for one in used.grafana.get("/api/datasources")}
    assert set(sources) == datasources.UIDS == set(HEALTH)
    for uid, (path, healthy) in HEALTH.items():
        assert sources[uid]["url"] == used.stack.urls[uid]
        assert sources[uid]["readOnly"]
        assert healthy in used.grafana.text(f"/api/datasources/proxy/uid/{uid}/{path}"), uid


def test_every_dashboard_is_loaded_by_its_uid(used: Evaluating) -> None:
    found = {one["uid"]: one for one in used.grafana.get("/api/search?type=dash-db")}
    assert set(found) == {path.stem for path in build.FOLDER.glob("*.json")}
    for uid, committed in dashboards().items():
        loaded = used.grafana.get(f"/api/dashboards/uid/{uid}")
        assert loaded["meta"]["provisioned"], uid
        assert loaded["dashboard"]["title"] == committed["title"]
        shown = [one["title"] for one in loaded["dashboard"]["panels"] if one["type"] != "row"]
        assert shown == [panel["title"] for panel in panels(uid)]


@pytest.mark.timeout(400, func_only=True)
def test_every_panel_and_event_is_answered_with_what_its_backend_has(used: Evaluating) -> None:
    asked = full = 0
    for question in questions():
        used.grafana.rows(question)
        asked += 1
        if _plain(used, question):
            until(lambda question=question: _answered(used, question), within=EVALUATED_WITHIN)
            full += 1
    assert (asked > 250, full > 0.8 * asked) == (True, True), f"{full} of {asked} have data"


def _answered(used: Evaluating, question: Question) -> None:
    # What has just come lies behind the last point that was asked for.
    if not used.grafana.rows(question.again()):
        raise NotYetError(f"{question}: the backend has data, Grafana shows none")


def _plain(used: Evaluating, question: Question) -> int:
    """How many series or lines the backend itself has for a question now."""
    span = question.seconds
    expression = question.target["expr"].replace("$__range_s", str(span))
    query = {"query": with_values(expression.replace("$__range", f"{span}s"))}
    urls = used.stack.backends
    if question.target["datasource"]["type"] == "prometheus":
        return len(ask(f"{urls.prometheus}/api/v1/query", query)["data"]["result"])
    kind = "query" if question.target["queryType"] == "instant" else "query_range"
    return len(ask(f"{urls.loki}/loki/api/v1/{kind}", query)["data"]["result"])


def test_every_alert_is_a_rule_and_every_rule_is_evaluated_without_error(used: Evaluating) -> None:
    def probe() -> None:
        rules = used.grafana.rules()
        assert set(rules) == {alert.name for alert in ALERTS}
        late = [name for name, rule in rules.items() if rule["lastEvaluation"].startswith("0001")]
        if late:
            raise NotYetError(f"not evaluated: {', '.join(late)}")
        ill = {name: rule.get("lastError") for name, rule in rules.items() if _is_ill(rule)}
        assert ill == {}

    until(probe, within=EVALUATED_WITHIN, every=1)


def _is_ill(rule: Json) -> bool:
    return rule["health"] not in ("ok", "nodata")


@pytest.mark.parametrize("name", ["ProviderCredentials", "UnpricedModel"])
def test_an_alert_fires_and_says_what_it_is_about(used: Evaluating, name: str) -> None:
    """One rule is judged by a threshold, the other by arithmetic."""

    def probe() -> Json:
        firing = [one for one in used.grafana.rules()[name]["alerts"] if one["state"] == "Alerting"]
        if not firing:
            raise NotYetError(f"{name} does not fire")
        return firing[0]

    fired = until(probe, within=EVALUATED_WITHIN, every=1)
    assert fired["labels"]["gen_ai_provider_name"] == "simulated"
    texts = " ".join(fired["annotations"].values())
    assert "simulated" in fired["annotations"]["summary"]
    assert fired["annotations"]["runbook_url"] == str(ROOT / "docs" / "runbooks" / f"{name}.md")
    assert "{{" not in texts
    assert "no value" not in texts


@pytest.mark.timeout(240, func_only=True)
def test_every_channel_is_told_of_refused_credentials(used: Evaluating) -> None:
    def probe() -> None:
        told = {channel: str(used.posts.to(channel)) for channel in ("slack", "discord", "webhook")}
        told["email"] = str(used.mailbox.mails)
        silent = [channel for channel, text in told.items() if "ProviderCredentials" not in text]
        if silent:
            raise NotYetError(f"not told of ProviderCredentials: {', '.join(silent)}")

    until(probe, within=NOTIFIED_WITHIN, every=1)


def test_contact_points_and_policies_are_those_declared(used: Evaluating) -> None:
    receivers = read(used.receivers)
    loaded = used.grafana.get("/api/v1/provisioning/contact-points")
    # The one that Grafana brings itself has no provenance.
    provisioned = {
        (one["uid"], one["name"], one["type"]) for one in loaded if one.get("provenance") == "file"
    }
    assert provisioned == {
        (way["uid"], point["name"], way["type"])
        for point in grafana_routes.contact_points(receivers)["contactPoints"]
        for way in point["receivers"]
    }
    [declared] = grafana_routes.policies(receivers)["policies"]
    del declared["orgId"]
    policies = used.grafana.get("/api/v1/provisioning/policies")
    assert policies.pop("provenance") == "file"
    assert _without_defaults(policies) == _without_defaults(declared)
    assert len(policies["routes"]) > 10


def _without_defaults(policy: Json) -> Json:
    """A policy and those below it, without what is empty."""
    below = [_without_defaults(one) for one in policy.get("routes", ())]
    return {name: value for name, value in {**policy, "routes": below}.items() if value}
