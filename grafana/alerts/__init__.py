"""Alerts, declared once and written as rules of Prometheus, of Loki and of Grafana."""
