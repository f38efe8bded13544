"""Installs the providers that stand behind the OpenTelemetry API, from the standard variables."""
