"""The variables every dashboard has: environment, app, provider, model, and a hidden one."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import QueryVariable
from grafana_foundation_sdk.models.dashboard import (
    VariableHide,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.dashboards import datasources, rollups
from grafana.dashboards.queries.choices import STEP, values_of
from grafana.dashboards.selectors import VARIABLES

# Matches a label that is absent too, so that "All" hides nothing.
_ALL_VALUE: Final = ".*"


class _Unshared(QueryVariable):
    """A variable that no address carries: it follows from the time range of who opens it."""

    def build(self) -> VariableModel:
        """Return the variable, which the builder lets nobody keep out of addresses."""
        made = super().build()
        made.skip_url_sync = True
        return made


def common_variables() -> list[QueryVariable]:
    """One choice, many or all of each; the values are those that inferences were recorded with."""
    return [*(_variable(name, attribute) for name, attribute in VARIABLES.items()), _step()]


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


def _step() -> QueryVariable:
    """How many seconds a step of the rollups has that the time range reads; 1 for raw series."""
    return (
        _Unshared(rollups.VARIABLE)
        .hide(VariableHide.HIDE_VARIABLE)
        .datasource(datasources.prometheus())
        .query(STEP)
        .definition(STEP)
        .regex(f'/{rollups.LABEL}="(\\d+)"/')
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .current(VariableOption(selected=True, text=str(rollups.RAW), value=str(rollups.RAW)))
    )
