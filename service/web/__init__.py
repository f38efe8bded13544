"""The operations page: what it shows (view models), how it looks (templates, static files).

Knows the ledger's documents and no web framework.
"""
