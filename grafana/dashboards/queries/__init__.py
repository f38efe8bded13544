"""Every query of every panel, a file a dashboard: the only home of PromQL, LogQL and TraceQL.

Names of metrics and attributes come from `otel.names`, those of other components from
`grafana.dashboards.components`.
"""
