"""Service-level objectives: declared as data, made into recording rules, alerts and a dashboard."""
