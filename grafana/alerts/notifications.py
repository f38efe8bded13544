"""Writes what Alertmanager and Grafana notify by, of the receivers whose secret files are there.

Run before either starts: natively by `gaugeway up`, in containers by the service `notifications`.
`--evaluated-by grafana` gives Grafana the rules; `prometheus` takes them away from it.
"""

import argparse
import sys
from collections.abc import Mapping
from math import inf
from pathlib import Path, PurePath
from typing import Any, Final

import yaml

from grafana.alerts import grafana_routes
from grafana.alerts.alert import RUNBOOKS
from grafana.alerts.alertmanager_form import configuration
from grafana.alerts.declared import GROUPS
from grafana.alerts.grafana_form import removals, rule_groups
from grafana.alerts.receivers import SMTP, ReceiverError, Receivers, read

COMMAND: Final = "python -m grafana.alerts.notifications"
ALERTMANAGER: Final = "alertmanager.yaml"
_NO_SENDER: Final = "gaugeway@grafana.localhost"


def alertmanager_files(receivers: Receivers, folder: PurePath) -> Mapping[str, str]:
    """The configuration, which finds the receivers' files beside it in `folder`."""
    mail = {f"{SMTP}-password": receivers.mail.password} if receivers.mail else {}
    settings = configuration(receivers, folder)
    return {ALERTMANAGER: text(settings), **receivers.secrets, **mail}


def grafana_files(
    receivers: Receivers, *, evaluates: bool, runbooks: str = RUNBOOKS
) -> Mapping[str, str]:
    """Grafana's folder of alerting, and how it sends mail, a setting a file.

    `runbooks` is where the folder of runbooks is to be read.
    """
    mail = receivers.mail
    how = {
        "smtp_enabled": "true" if mail and evaluates else "false",
        "smtp_host": f"{mail.host}:{mail.port}" if mail else "",
        "smtp_from": mail.sender if mail else _NO_SENDER,
        "smtp_user": mail.user if mail else "",
        "smtp_password": mail.password if mail else "",
        # No password in the clear, as Alertmanager has it without being asked.
        "smtp_tls": "MandatoryStartTLS" if mail and mail.user else "OpportunisticStartTLS",
    }
    if not evaluates:
        return {"removed.yaml": text({"apiVersion": 1, "deleteRules": removals(GROUPS)}), **how}
    return {
        "rules.yaml": text({"apiVersion": 1, "groups": rule_groups(GROUPS, runbooks)}),
        "contact-points.yaml": text(grafana_routes.contact_points(receivers)),
        "policies.yaml": text(grafana_routes.policies(receivers)),
        **how,
    }


def text(document: Mapping[str, Any]) -> str:
    """A document as YAML. Never wrapped: a template over two lines cannot be searched for."""
    return yaml.safe_dump(dict(document), sort_keys=False, width=inf, allow_unicode=True)


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit status is 1 when a receiver's file cannot be used."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--evaluated-by", choices=("prometheus", "grafana"), required=True)
    parser.add_argument("--receivers", type=Path, required=True, help="the folder of secret files")
    parser.add_argument("--alertmanager", type=Path, required=True, help="its folder")
    parser.add_argument("--grafana", type=Path, required=True, help="its folder of alerting")
    parser.add_argument("--runbooks", default=RUNBOOKS, help="where they are to be read")
    given = parser.parse_args(arguments)
    try:
        receivers = read(given.receivers)
    except (ReceiverError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    _fill(given.alertmanager, alertmanager_files(receivers, given.alertmanager))
    evaluates = given.evaluated_by == "grafana"
    _fill(given.grafana, grafana_files(receivers, evaluates=evaluates, runbooks=given.runbooks))
    return 0


def _fill(folder: Path, files: Mapping[str, str]) -> None:
    """Make these the only files of a folder.

    They are readable by all, because each reader in a container is another user; who may look into
    the folder is up to whoever made it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in files and path.is_file():
            path.unlink()
    for name, body in files.items():
        path = folder / name
        path.unlink(missing_ok=True)
        path.write_text(body, encoding="utf-8")
        path.chmod(0o444)


if __name__ == "__main__":
    sys.exit(main())
