"""How long panels take on a month of history: `python -m bench.dashboards`."""
