"""Gaugeway stack."""
