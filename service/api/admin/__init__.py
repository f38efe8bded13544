"""The addresses for operators: usage, budgets, health, and the login of their page."""
