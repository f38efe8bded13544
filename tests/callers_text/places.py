"""Every place of a request in which its caller is free to write, with one word in each of them."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

WORD = "Qz7planted"
SECRET = "sk-Qz7secret0123456789"
PATH = "/v1/chat/completions"
_TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"


def headers(key: str) -> dict[str, str]:
    """Headers a caller is free to send, all with the word in it; the key opens the door."""
    return {
        "Host": f"{WORD}.example",
        "Authorization": f"Bearer {key}",
        "User-Agent": f"{WORD}/1.0",
        "Referer": f"https://{WORD}.example/{WORD}",
        "X-Forwarded-For": WORD,
        "X-Forwarded-Proto": WORD,
        "X-Forwarded-Host": WORD,
        "Forwarded": f"for={WORD}",
        "Accept": f"application/{WORD}",
        "Accept-Language": WORD,
        "Origin": f"https://{WORD}.example",
        "Cookie": f"gaugeway_session={WORD}; {WORD}={WORD}",
        "X-Request-Id": WORD,
        "X-Trace-Id": WORD,
        "X-Gaugeway-Component": WORD,
        "Cache-Control": f"{WORD}={WORD}",
        "Traceparent": _TRACEPARENT,
        "Tracestate": f"ot=th:c;rv:{WORD},qz7planted={WORD}",
        "Baggage": f"{WORD}={WORD},user={WORD};{WORD}={WORD}",
        f"X-{WORD}": WORD,
        WORD: WORD,
    }


def chat(model: str, **fields: Any) -> dict[str, Any]:
    """A chat with the word in every field that may hold text."""
    function = {"name": WORD, "description": WORD, "parameters": {"type": "object", WORD: WORD}}
    call = {"id": WORD, "type": "function", "function": {"name": WORD, "arguments": f'"{WORD}"'}}
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": WORD, "name": WORD},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": WORD, "tool_call_id": WORD},
            {"role": "user", "content": f"{WORD} {SECRET}", WORD: WORD},
        ],
        "stop": [WORD, f"{WORD} {SECRET}"],
        "service_tier": WORD,
        "user": WORD,
        "safety_identifier": WORD,
        "prompt_cache_key": WORD,
        "metadata": {WORD: WORD},
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": WORD}},
        "response_format": {"type": "json_schema", "json_schema": {"name": WORD, "schema": {}}},
        WORD: WORD,
        **fields,
    }


def bodies() -> Iterator[tuple[str, bytes, str]]:
    """Path, body and content type of what is posted: right and wrong in every way."""
    query = f"?{WORD}={WORD}&api_key={WORD}"
    for model in ("echo", "refusing", "failing", "inside", "malformed", "messages", "simulated"):
        for stream in (False, True):
            yield PATH + query, _json(chat(model, stream=stream)), "application/json"
    image = [{"role": "user", "content": [{"type": WORD, WORD: WORD}]}]
    for wrong in (
        chat(WORD),
        chat(f"simulated:{WORD}"),
        chat("echo", temperature=WORD),
        chat("echo", stop=5, logit_bias={WORD: WORD}),
        chat("echo", messages=[{"role": WORD, "content": WORD}]),
        chat("messages", messages=image),
        [WORD],
    ):
        yield PATH, _json(wrong), "application/json"
    yield PATH, f'{{"{WORD}": '.encode(), "application/json"
    yield PATH, _json(chat("echo")), f"text/{WORD}; charset={WORD}"
    inputs = {"model": "vectors", "input": WORD, "user": WORD, WORD: WORD}
    yield "/v1/embeddings", _json(inputs), "application/json"
    yield "/v1/embeddings", _json({**inputs, "encoding_format": WORD}), "application/json"
    form = f"key=gw_{WORD}_{WORD}&next=/admin/{WORD}&csrf_token={WORD}".encode()
    yield "/admin/login", form, "application/x-www-form-urlencoded"


def addresses() -> Iterator[tuple[str, str]]:
    """Method and address of what is asked for without a body."""
    for path in (
        *(f"/{WORD}", f"/{WORD}/healthz", f"//{WORD}", f"/v1/models/{WORD}", f"/static/{WORD}"),
        *("/admin/monitoring", f"/admin/traces/{WORD}", "/admin/usage", f"/admin/{WORD}"),
        *("/admin/login", "/healthz", "/metrics", "/openapi.json", f"/v1/chat/{WORD}%2f%25{WORD}"),
    ):
        yield "GET", f"{path}?{WORD}={WORD}&period={WORD}&next={WORD}&trace={WORD}"
    for method in ("DELETE", "PUT", "OPTIONS", "HEAD", WORD.upper()):
        yield method, f"{PATH}?{WORD}"
        yield method, f"/{WORD}"


def ask(port: int, method: str, address: str, sent: dict[str, str], body: bytes = b"") -> bytes:
    """Send one request on a connection of its own; the answer, as far as there is one."""
    lines = [f"{method} {address} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    lines += ["Connection: close", f"Content-Length: {len(body)}"]
    received = b""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        with suppress(ConnectionError):
            while part := connection.recv(65536):
                received += part
    return received


def send_everything(port: int, keys: Sequence[str]) -> list[bytes]:
    """Send all there is, with each of the keys and without one; what came back.

    The last answer is what `/metrics` tells after all others.
    """
    answers: list[bytes] = []
    for shown in (*keys, f"gw_{WORD}_{WORD}"):
        sent = headers(shown)
        answers += [ask(port, method, address, sent) for method, address in addresses()]
        for path, body, kind in bodies():
            answers.append(ask(port, "POST", path, {**sent, "Content-Type": kind}, body))
    without = {name: value for name, value in headers("").items() if name != "Authorization"}
    answers += [ask(port, method, address, without) for method, address in addresses()]
    plain = {**headers(keys[0]), "Content-Type": "application/json"}
    for name, value in (
        ("X-Gaugeway-Simulate", json.dumps({"status": 503, "target": WORD})),
        ("X-Gaugeway-Simulate", json.dumps({WORD: WORD})),
        ("X-Gaugeway-Deadline-Ms", WORD),
        ("Tracestate", f"{WORD} {WORD}"),
        ("Tracestate", f"a={WORD * 1000}"),
        ("Traceparent", WORD),
        ("Baggage", WORD),
        ("Baggage", f"{WORD}é={WORD}"),
        ("Baggage", f"a={WORD * 1000}"),
        ("Content-Encoding", WORD),
        ("Authorization", WORD),
    ):
        body = _json(chat("simulated"))
        answers.append(ask(port, "POST", PATH, {**plain, name: value}, body))
    answers.append(ask(port, "GET", "/metrics", {"Host": "localhost"}))
    return answers


def _json(body: object) -> bytes:
    return json.dumps(body).encode()
