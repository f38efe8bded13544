"""How bytes on a connection become requests: uvicorn's HTTP protocol, made strict."""
