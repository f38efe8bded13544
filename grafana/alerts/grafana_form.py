"""The alerts as rules that Grafana evaluates itself.

A: the value, asked of the data source. B: its last point, a number for each series. C: B against
the limit, in a form that every Grafana since 9 knows. A series that is missing does not fire, as
with Prometheus.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final, Literal

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import alerting, common, expr, loki, prometheus

from grafana.alerts.alert import Alert, Group, Language
from grafana.alerts.links import panel_path
from grafana.alerts.rule_files import labels_of
from grafana.dashboards import datasources
from grafana.dashboards.panel_ids import panel_id
from grafana.dashboards.selectors import ENVIRONMENT, label

# Not the dashboards' folder: whichever of the two is provisioned first would make it for both.
FOLDER: Final = "Gaugeway alerts"
_ORGANISATION: Final = 1
# Grafana's scheduler ticks every ten seconds and evaluates at no other time.
_TICK_SECONDS: Final = 10
_SPAN_SECONDS: Final = 600
_EXPRESSIONS: Final = common.DataSourceRef(type_val="__expr__", uid="__expr__")
# What a threshold can be everywhere: Grafana 9 and 10 refuse "gte", "lte" and "eq".
_EVALUATORS: Final[dict[str, Literal["gt", "lt"]]] = {">": "gt", "<": "lt"}
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


def rule_groups(groups: Iterable[Group], runbooks: str) -> list[dict[str, Any]]:
    """Every group as a provisioning file has it; `runbooks` is where their folder is to be read.

    It is written out, because most versions of Grafana expand no variable in an alert's texts.
    """
    return [
        {
            "orgId": _ORGANISATION,
            "name": group.name,
            "folder": FOLDER,
            "interval": _interval(group.interval),
            "rules": [_rule(alert, group, runbooks) for alert in group.alerts],
        }
        for group in groups
    ]


def removals(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """What takes all rules out of a Grafana that evaluated them before.

    Grafana keeps a provisioned rule after its file is gone.
    """
    return [
        {"orgId": _ORGANISATION, "uid": rule_uid(alert)}
        for group in groups
        for alert in group.alerts
    ]


def rule_uid(alert: Alert) -> str:
    """The rule's uid: of 40 characters at most, as Grafana wants it."""
    return f"gaugeway-{alert.name}"


def _rule(alert: Alert, group: Group, runbooks: str) -> dict[str, Any]:
    rule = alerting.Rule(
        title=alert.name,
        uid=rule_uid(alert),
        condition="C",
        data=[_value(alert), _last(), _judgement(alert)],
        no_data_state="OK",
        exec_err_state="Error",
        for_val=alert.lasting,
        labels=labels_of(alert),
        annotations=_annotations(alert, runbooks),
        folder_uid=FOLDER,
        rule_group=group.name,
        org_id=_ORGANISATION,
    )
    document: dict[str, Any] = json.loads(JSONEncoder().encode(rule))
    # The file says these once, for the group.
    for name in ("folderUID", "ruleGroup", "orgID"):
        del document[name]
    return {**document, "dashboardUid": alert.dashboard, "panelId": panel_id(alert.panel)}


def _annotations(alert: Alert, runbooks: str) -> dict[str, str]:
    base = '{{ reReplaceAll "/+$" "" externalURL }}'
    name = f"$.Labels.{label(ENVIRONMENT)}"
    return {
        "summary": template(alert.summary),
        "description": template(alert.description),
        "dashboard_url": f"{base}{panel_path(alert)}"
        f"{{{{ with {name} }}}}&var-environment={{{{ . }}}}{{{{ end }}}}",
        "runbook_url": f"{runbooks.rstrip('/')}/{alert.name}.md",
        "__dashboardUid__": alert.dashboard,
        "__panelId__": str(panel_id(alert.panel)),
    }


def template(text: str) -> str:
    """An alert's text for Grafana, whose `$value` is a sentence about all its queries.

    Without data there is no B: `index` then gives 0, where `.B` would be an error each time.

    Where it reads files, a Grafana may take `$name` or `${…}` for variables of its environment: so
    `$labels` is written in full, and a dollar before a template as one of its own.
    """
    named = re.sub(r"\$labels\b", "$.Labels", text.replace("${{", '{{ "$" }}{{'))
    return re.sub(r"\$value\b", '(index $.Values "B").Value', named)


def _value(alert: Alert) -> alerting.Query:
    if alert.language is Language.PROMQL:
        model: Dataquery = prometheus.Dataquery(
            expr=alert.value,
            instant=True,
            range_val=False,
            ref_id="A",
            datasource=datasources.prometheus(),
        )
        return _query("A", datasources.PROMETHEUS_UID, model)
    model = loki.Dataquery(
        expr=alert.value, query_type="instant", ref_id="A", datasource=datasources.loki()
    )
    return _query("A", datasources.LOKI_UID, model, query_type="instant")


def _last() -> alerting.Query:
    model = expr.TypeReduce(datasource=_EXPRESSIONS, expression="A", reducer="last", ref_id="B")
    return _query("B", "__expr__", model)


def _judgement(alert: Alert) -> alerting.Query:
    if alert.comparison in _EVALUATORS:
        return _query("C", "__expr__", _threshold(alert))
    model = expr.TypeMath(
        datasource=_EXPRESSIONS,
        # One dollar: unlike labels, a query's model is read without any variable expanded.
        expression=f"$B {alert.comparison} {alert.limit!r}",
        ref_id="C",
    )
    return _query("C", "__expr__", model)


def _threshold(alert: Alert) -> expr.TypeThreshold:
    evaluator = expr.ExprTypeThresholdConditionsEvaluator(
        params=[alert.limit], type_val=_EVALUATORS[alert.comparison]
    )
    return expr.TypeThreshold(
        datasource=_EXPRESSIONS,
        expression="B",
        conditions=[expr.ExprTypeThresholdConditions(evaluator=evaluator)],
        ref_id="C",
    )


def _query(
    ref_id: str, uid: str, model: Dataquery, *, query_type: str | None = None
) -> alerting.Query:
    span = alerting.RelativeTimeRange(from_val=_SPAN_SECONDS, to=0)
    return alerting.Query(
        ref_id=ref_id,
        datasource_uid=uid,
        model=model,
        query_type=query_type,
        relative_time_range=span,
    )


def _interval(text: str) -> str:
    """The interval, or the next one that Grafana can keep."""
    seconds = int(text[:-1]) * _UNIT_SECONDS[text[-1]]
    return f"{-(-seconds // _TICK_SECONDS) * _TICK_SECONDS}s"
