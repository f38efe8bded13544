"""Proves by live data that every panel, link and alert that is declared works."""
