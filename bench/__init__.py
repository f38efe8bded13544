"""Side-by-side measurements of the running service; each program prints one JSON line."""
