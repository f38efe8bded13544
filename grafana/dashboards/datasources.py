"""The provisioned data sources by their fixed uids, which is all a dashboard may name."""

from typing import Final

from grafana_foundation_sdk.models.common import DataSourceRef

PROMETHEUS_UID: Final = "prometheus"
LOKI_UID: Final = "loki"
TEMPO_UID: Final = "tempo"
ALERTMANAGER_UID: Final = "alertmanager"

UIDS: Final = frozenset({PROMETHEUS_UID, LOKI_UID, TEMPO_UID, ALERTMANAGER_UID})


def prometheus() -> DataSourceRef:
    """A reference to the provisioned Prometheus."""
    return DataSourceRef(type_val="prometheus", uid=PROMETHEUS_UID)


def loki() -> DataSourceRef:
    """A reference to the provisioned Loki."""
    return DataSourceRef(type_val="loki", uid=LOKI_UID)
