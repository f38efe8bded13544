"""Gaugeway otel."""
