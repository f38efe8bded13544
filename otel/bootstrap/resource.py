"""What this process says of itself on every signal."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

from opentelemetry.sdk.resources import Resource

from otel.bootstrap.settings import BootstrapSettings


def resource(settings: BootstrapSettings, version: str | None = None) -> Resource:
    """Describe the process; `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` win over it.

    `version` is the instrumentation's; the service's own is that of the installed package which is
    named like it, where there is one. The SDK gives each process a `service.instance.id` of its
    own, and a new one after a fork.
    """
    own: dict[str, str] = {"deployment.environment.name": settings.environment}
    if version:
        own["telemetry.auto.version"] = version
    standard = Resource.create()
    if of_service := _installed_version(str(standard.attributes.get("service.name", ""))):
        own["service.version"] = of_service
    return Resource(own).merge(standard)


def _installed_version(name: str) -> str:
    """The version of the package of this name, or an empty string."""
    try:
        return installed(name) if name else ""
    except PackageNotFoundError:
        return ""
