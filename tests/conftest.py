"""What every test shares: one Hypothesis profile."""

from hypothesis import HealthCheck, settings

# A busy machine generates slowly; that says nothing about the code, so neither the time of one
# example nor of their generation is judged. A failing example is printed to be run again.
settings.register_profile(
    "gaugeway",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    database=None,
)
settings.load_profile("gaugeway")
