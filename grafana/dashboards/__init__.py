"""Dashboards as Python: `python -m grafana.dashboards.build` writes the JSON that Grafana loads."""
