"""The default provider: no key, no network, the same bytes for the same seed and prompt."""
