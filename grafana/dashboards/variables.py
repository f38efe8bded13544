"""The variables every dashboard has: environment, app, provider, model."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import QueryVariable
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from grafana.dashboards import datasources
from grafana.dashboards.queries.choices import values_of
from grafana.dashboards.selectors import VARIABLES

# Matches a label that is absent too, so that "All" hides nothing.
_ALL_VALUE: Final = ".*"


def common_variables() -> list[QueryVariable]:
    """One choice, many or all of each; the values are those that inferences were recorded with."""
    return [_variable(name, attribute) for name, attribute in VARIABLES.items()]


def _variable(name: str, attribute: str) -> QueryVariable:
    query = values_of(attribute)
    return (
        QueryVariable(name)
        .label(name.capitalize())
        .datasource(datasources.prometheus())
        .query(query)
        .definition(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(_ALL_VALUE)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
