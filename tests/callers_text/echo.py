"""A model provider on the loopback that repeats what it is sent wherever its format allows."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TARGETS = """
targets:
  echo:
    provider: openai
    provider_name: vllm
    base_url: {url}/v1
    trace_context: true
    retries: {{attempts: 2, base_delay: 0.001, max_delay: 0.01}}
    models:
      echo: {{}}
      refusing: {{}}
      failing: {{}}
      inside: {{}}
      malformed: {{}}
      vectors: {{operation: embeddings}}
  other:
    provider: anthropic
    base_url: {url}
    models: {{messages: {{}}}}
  steady:
    provider: simulated
    options: {{latency_ms: 0, token_ms: 0}}
    models: {{simulated: {{}}}}
"""
_STATUS = {"refusing": 400, "failing": 500}


@contextmanager
def echoing() -> Generator[str]:
    """Where it answers, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, b'{"data": []}')

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            asked = json.loads(body)
            model = asked["model"]
            if model in _STATUS or self.path.endswith("/messages"):
                self._answer(_STATUS.get(model, 422), json.dumps(_error(asked, body)).encode())
            elif model == "inside":
                self._answer(200, json.dumps(_error(asked, body)).encode())
            elif model == "malformed":
                self._answer(200, body[:-1])
            elif model == "vectors":
                self._answer(200, json.dumps(_vectors()).encode())
            elif asked.get("stream"):
                self._stream(asked)
            else:
                self._answer(200, json.dumps(_completion(asked, body)).encode())

        def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, asked: dict[str, Any]) -> None:
            said = asked["messages"][-1]["content"]
            chunk = {"id": "c-1", "model": "echo", "service_tier": asked.get("service_tier")}
            choice = {"index": 0, "delta": {"content": said}, "finish_reason": None}
            events = [{**chunk, "choices": [choice]}, _error(asked, json.dumps(asked).encode())]
            text = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
            self._answer(200, text.encode(), "text/event-stream")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _error(asked: dict[str, Any], body: bytes) -> dict[str, Any]:
    user = asked.get("user") or "nobody"
    said = {"message": body.decode(), "type": user, "code": user, "param": user}
    return {"error": {**said, "metadata": {"raw": body.decode()}}}


def _completion(asked: dict[str, Any], body: bytes) -> dict[str, Any]:
    message = {"role": "assistant", "content": body.decode()}
    return {
        "id": "c-1",
        "model": "echo",
        "service_tier": asked.get("service_tier"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }


def _vectors() -> dict[str, Any]:
    data = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
    return {"object": "list", "model": "vectors", "data": data, "usage": {"prompt_tokens": 2}}
