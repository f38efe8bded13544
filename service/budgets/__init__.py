"""Budgets and quotas: reserved before a call, settled after it, atomic across workers."""
