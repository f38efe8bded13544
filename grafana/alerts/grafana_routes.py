"""The routes as Grafana's contact points and notification policies.

Grafana has no inhibition, and no receiver without a way to reach somebody. So what has no secret
file has no contact point and no policy, and what no policy takes goes to one that is always muted.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import alerting

from grafana.alerts import routes
from grafana.alerts.alert import Team
from grafana.alerts.receivers import Receivers
from grafana.alerts.routes import Channel, Match, Route

NOBODY: Final = "nobody"
ALWAYS: Final = "always"
_ORGANISATION: Final = 1

_Settings = dict[str, Any]


def contact_points(receivers: Receivers) -> _Settings:
    """The file of contact points: `nobody` and each receiver that has a secret file."""
    points = [_contact_point(NOBODY, "email", {"addresses": "nobody@localhost"})]
    for route, team in _present(receivers):
        name = receivers.file(route.channel, team)
        if name is not None:
            kind, settings = _FORMS[route.channel](receivers.secrets[name])
            points.append(_contact_point(routes.receiver(route.channel, team), kind, settings))
    return {"apiVersion": 1, "contactPoints": points}


def policies(receivers: Receivers) -> _Settings:
    """The file of notification policies, with the time in which `nobody` is muted."""
    everything = alerting.NotificationPolicy(
        receiver=NOBODY,
        object_matchers=[["alertname", "=~", ".+"]],
        mute_time_intervals=[ALWAYS],
    )
    root = alerting.NotificationPolicy(
        receiver=NOBODY,
        group_by=list(routes.GROUP_BY),
        group_wait=routes.GROUP_WAIT,
        group_interval=routes.GROUP_INTERVAL,
        routes=[*(_policy(route, team) for route, team in _present(receivers)), everything],
    )
    document: _Settings = json.loads(JSONEncoder().encode(root))
    whole_day = {"times": [{"start_time": "00:00", "end_time": "24:00"}]}
    return {
        "apiVersion": 1,
        "muteTimes": [{"orgId": _ORGANISATION, "name": ALWAYS, "time_intervals": [whole_day]}],
        "policies": [{"orgId": _ORGANISATION, **document}],
    }


def _present(receivers: Receivers) -> list[tuple[Route, Team]]:
    return [
        (route, team)
        for route in routes.ROUTES
        for team in Team
        if receivers.file(route.channel, team) is not None
    ]


def _policy(route: Route, team: Team) -> alerting.NotificationPolicy:
    return alerting.NotificationPolicy(
        receiver=routes.receiver(route.channel, team),
        object_matchers=[_matcher(route.match), _matcher(Match("team", (team.value,)))],
        repeat_interval=route.repeat,
        continue_val=True,
    )


def _matcher(match: Match) -> list[str]:
    if len(match.values) == 1:
        return [match.label, "=", match.values[0]]
    return [match.label, "=~", "|".join(match.values)]


def _contact_point(name: str, kind: str, settings: _Settings) -> _Settings:
    way = {"uid": f"gaugeway-{name}", "type": kind, "settings": settings}
    return {"orgId": _ORGANISATION, "name": name, "receivers": [way]}


def _pagerduty(key: str) -> tuple[str, _Settings]:
    severity = "{{ .CommonLabels.severity }}"
    settings = {"integrationKey": key, "severity": severity, "summary": routes.TITLE}
    return "pagerduty", {**settings, "details": {"text": routes.TEXT}}


def _email(to: str) -> tuple[str, _Settings]:
    addresses = ";".join(one.strip() for one in to.split(","))
    settings = {"addresses": addresses, "singleEmail": True}
    return "email", {**settings, "subject": routes.TITLE, "message": routes.TEXT}


def _slack(url: str) -> tuple[str, _Settings]:
    return "slack", {"url": url, "title": routes.TITLE, "text": routes.TEXT}


def _discord(url: str) -> tuple[str, _Settings]:
    return "discord", {"url": url, "title": routes.TITLE, "message": routes.TEXT}


def _webhook(url: str) -> tuple[str, _Settings]:
    return "webhook", {"url": url, "httpMethod": "POST"}


_FORMS: Final[Mapping[Channel, Callable[[str], tuple[str, _Settings]]]] = {
    Channel.PAGERDUTY: _pagerduty,
    Channel.EMAIL: _email,
    Channel.SLACK: _slack,
    Channel.DISCORD: _discord,
    Channel.WEBHOOK: _webhook,
}
