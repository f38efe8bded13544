"""Gaugeway grafana."""
