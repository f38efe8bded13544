"""The vocabulary of the simulated provider."""

_TEXT = (
    "the a this each every one another some request answer model token trace span metric log "
    "signal price cost budget window minute sample route cache key queue stream chunk worker "
    "retry fallback deadline latency error rate limit counter gauge histogram bucket label "
    "dashboard panel query alert rule runbook graph line point number value change shows holds "
    "follows meets carries starts ends waits grows falls moves counts measures names explains "
    "leads to from with without before after under over between and or but so because when "
    "where while quickly slowly exactly often rarely plainly first last next same other small "
    "large early late clear quiet steady honest careful complete open"
)

WORDS: tuple[str, ...] = tuple(_TEXT.split())
