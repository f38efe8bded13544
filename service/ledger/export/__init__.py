"""The ledger's figures as rows: read from Redis, written as CSV, JSON or into PostgreSQL."""
