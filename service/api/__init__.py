"""HTTP ↔ domain: routers, request validation and the shapes of answers. Decides nothing."""
