"""What this process says of itself on every signal."""

from opentelemetry.sdk.resources import Resource

from otel.bootstrap.settings import BootstrapSettings


def resource(settings: BootstrapSettings, version: str | None = None) -> Resource:
    """Describe the process; `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` win over it.

    The SDK gives each process a `service.instance.id` of its own, and a new one after a fork.
    """
    own: dict[str, str] = {"deployment.environment.name": settings.environment}
    if version:
        own["telemetry.auto.version"] = version
    standard = Resource.create()
    return Resource(own).merge(standard)
