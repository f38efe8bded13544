"""The usage ledger: what was used, by whom, at what cost, added up exactly in Redis."""
