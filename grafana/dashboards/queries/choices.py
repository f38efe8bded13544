"""What the dashboards' variables offer."""

from typing import Final

from grafana.dashboards import rollups
from grafana.dashboards.selectors import environment_matcher, label
from otel import names

_RAW_HOURS: Final = rollups.LONGEST_RAW_SECONDS // 3600


def _step() -> str:
    """One series that has the step of the rollups in a label: 1 where the time range is short.

    1 also where there are no rollups from before the longest range of raw series: who has just
    installed this and looks at a day would see an empty dashboard.
    """
    coarse = f'{rollups.INFERENCES.prometheus}{{{rollups.LABEL}="{rollups.COARSE_SECONDS}"}}'
    ready = f"count(last_over_time({coarse}[31d] offset {_RAW_HOURS}h))"
    named = [
        *(
            _named(f"vector($__range_s) > {seconds} and on () {ready}", step)
            for seconds, step in rollups.STEPS
        ),
        _named("vector($__range_s)", rollups.RAW),
    ]
    return f"query_result({' or on () '.join(named)})"


def _named(condition: str, step: int) -> str:
    return f'label_replace({condition}, "{rollups.LABEL}", "{step}", "", "")'


def values_of(attribute: str) -> str:
    """The values that inferences were recorded with, within the environment chosen."""
    metric = f"{names.OPERATION_DURATION.prometheus}_count"
    chosen = environment_matcher() if attribute in names.OPERATION_DURATION.attributes else ""
    return f"label_values({metric}{chosen}, {label(attribute)})"


STEP: Final = _step()
