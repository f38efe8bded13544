"""Gaugeway service."""
