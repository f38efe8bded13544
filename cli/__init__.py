"""Gaugeway cli."""
