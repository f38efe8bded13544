"""process-compose, the process manager of a native stack: its configuration and its API."""
