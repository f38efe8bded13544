"""What every test shares: the profiles of Hypothesis."""

from hypothesis import HealthCheck, settings

# A busy machine generates slowly; that says nothing about the code, so neither the time of one
# example nor of their generation is judged. A failing example is printed to be run again.
settings.register_profile(
    "searching",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    database=None,
)
# A commit's tests try the same examples on every machine: what turns red is what was changed.
# `pytest --hypothesis-profile searching` looks for new ones.
settings.register_profile("gaugeway", settings.get_profile("searching"), derandomize=True)
settings.load_profile("gaugeway")
