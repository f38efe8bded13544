"""Where an alert leads: its dashboard's panel and its runbook.

A rule file expands no variables, but the external labels of Prometheus and of Loki's ruler do, and
an alert's texts know them. So both addresses are taken from there, and from a default without them.
The labels themselves are dropped before an alert is sent.
"""

from typing import Final

from grafana.alerts.alert import RUNBOOKS, Alert
from grafana.dashboards.panel_ids import panel_id
from grafana.dashboards.selectors import ENVIRONMENT, label

# External label → what stands in its place where it is not set.
GRAFANA_URL: Final = "gaugeway_grafana_url"
RUNBOOKS_URL: Final = "gaugeway_runbooks_url"
_DEFAULT_GRAFANA: Final = "http://localhost:3000"


def dashboard_url(alert: Alert) -> str:
    """A template of the panel's address, for the environment that the alert is about."""
    environment = (
        f"{{{{ with $labels.{label(ENVIRONMENT)} }}}}&var-environment={{{{ . }}}}{{{{ end }}}}"
    )
    return f"{_base(GRAFANA_URL, _DEFAULT_GRAFANA)}{panel_path(alert)}{environment}"


def panel_path(alert: Alert) -> str:
    """The panel's address within Grafana."""
    return f"/d/{alert.dashboard}?viewPanel={panel_id(alert.panel)}"


def runbook_url(alert: Alert) -> str:
    """A template of the runbook's address; without a base, its path in the repository."""
    return f"{_base(RUNBOOKS_URL, RUNBOOKS)}/{alert.name}.md"


def _base(external_label: str, default: str) -> str:
    without_slash = '{{ reReplaceAll "/+$" "" . }}'
    given = f"{{{{ with $externalLabels.{external_label} }}}}{without_slash}"
    return f"{given}{{{{ else }}}}{default}{{{{ end }}}}"
