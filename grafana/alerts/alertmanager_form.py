"""Alertmanager's configuration: the routes, the receivers that are there, what silences what."""

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, Final

from grafana.alerts import routes
from grafana.alerts.alert import Team
from grafana.alerts.receivers import SMTP, MailServer, Receivers
from grafana.alerts.routes import Channel, Inhibition, Match, Route

# Of alerts that no route takes. It has no way to reach anybody.
NOBODY: Final = "nobody"

_Settings = dict[str, Any]


def configuration(receivers: Receivers, folder: PurePath) -> _Settings:
    """The whole configuration; `folder` is where Alertmanager finds the receivers' files."""
    return {
        "route": {
            "receiver": NOBODY,
            "group_by": list(routes.GROUP_BY),
            "group_wait": routes.GROUP_WAIT,
            "group_interval": routes.GROUP_INTERVAL,
            "routes": [_route(route, team) for route in routes.ROUTES for team in Team],
        },
        "inhibit_rules": [_inhibition(one) for one in routes.INHIBITIONS],
        "receivers": [
            {"name": NOBODY},
            *(
                {
                    "name": routes.receiver(route.channel, team),
                    **_ways(route.channel, team, receivers, folder),
                }
                for route in routes.ROUTES
                for team in Team
            ),
        ],
    }


def _route(route: Route, team: Team) -> _Settings:
    return {
        "matchers": [_matcher(route.match), _matcher(Match("team", (team.value,)))],
        "receiver": routes.receiver(route.channel, team),
        "repeat_interval": route.repeat,
        "continue": True,
    }


def _inhibition(one: Inhibition) -> _Settings:
    return {
        "source_matchers": [_matcher(Match("alertname", (one.cause,)))],
        "target_matchers": [_matcher(Match("alertname", one.symptoms))],
        **({"equal": list(one.equal)} if one.equal else {}),
    }


def _matcher(match: Match) -> str:
    if len(match.values) == 1:
        return f'{match.label}="{match.values[0]}"'
    return f'{match.label}=~"{"|".join(match.values)}"'


def _ways(
    channel: Channel, team: Team, receivers: Receivers, folder: PurePath
) -> Mapping[str, list[_Settings]]:
    """The channel's settings, or nothing where it has no file: then the receiver is silent."""
    name = receivers.file(channel, team)
    if name is None:
        return {}
    if channel is Channel.EMAIL:
        return {"email_configs": [_email(receivers.secrets[name], receivers.mail, folder)]}
    return _FORMS[channel](str(folder / name))


def _pagerduty(file: str) -> Mapping[str, list[_Settings]]:
    settings = {
        "routing_key_file": file,
        "description": routes.TITLE,
        "severity": "{{ .CommonLabels.severity }}",
        "client_url": routes.LINK,
        "details": {"text": routes.TEXT},
    }
    return {"pagerduty_configs": [settings]}


def _slack(file: str) -> Mapping[str, list[_Settings]]:
    settings = {"api_url_file": file, "title": routes.TITLE, "title_link": routes.LINK}
    return {"slack_configs": [{**settings, "text": routes.TEXT, "send_resolved": True}]}


def _discord(file: str) -> Mapping[str, list[_Settings]]:
    settings = {"webhook_url_file": file, "title": routes.TITLE, "message": routes.TEXT}
    return {"discord_configs": [{**settings, "send_resolved": True}]}


def _webhook(file: str) -> Mapping[str, list[_Settings]]:
    return {"webhook_configs": [{"url_file": file, "send_resolved": True}]}


_FORMS: Final[Mapping[Channel, Callable[[str], Mapping[str, list[_Settings]]]]] = {
    Channel.PAGERDUTY: _pagerduty,
    Channel.SLACK: _slack,
    Channel.DISCORD: _discord,
    Channel.WEBHOOK: _webhook,
}


def _email(to: str, server: MailServer | None, folder: PurePath) -> _Settings:
    if server is None:
        raise AssertionError("an address without a mail server is no receiver")
    login = (
        {"auth_username": server.user, "auth_password_file": str(folder / f"{SMTP}-password")}
        if server.user
        else {"require_tls": False}
    )
    return {
        "to": to,
        "from": server.sender,
        "smarthost": f"{server.host}:{server.port}",
        **login,
        "headers": {"Subject": routes.TITLE},
        "text": routes.TEXT,
        "send_resolved": True,
    }
