"""What the simulated model says: a pure function of seed, model and request.

A token is one piece of text: a word with the space before it, or a few letters of JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

from service.json_pieces import digest_of
from service.json_weight import LIGHT, Weight
from service.providers.shapes import as_list, as_object, as_text
from service.providers.simulated.faults import rejected
from service.providers.simulated.sample import LONGEST_NAME, Sampler
from service.providers.simulated.words import WORDS
from service.tokens import Usage, estimate_input_tokens

JSON_PIECE = 6
"""Characters of JSON text in one token."""
MAXIMUM_CHOICES = 128
MAXIMUM_TOKENS = 32_768
"""In all choices together."""
MAXIMUM_CALLS = 16
"""Of functions at once."""
MAXIMUM_SAMPLED = 2_000
"""Values of JSON in all choices together."""
LOOKED_AT = 16_384
"""Characters of the last message in which names of functions are looked for."""
# What does not change the answer, so that a stream and a plain call say the same.
_IRRELEVANT = frozenset({"model", "stream", "stream_options", "user", "metadata", "store"})


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One function call; the arguments' JSON text comes in pieces."""

    id: str
    name: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the `n` choices: text in pieces, or tool calls, and why it ends."""

    pieces: tuple[str, ...]
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `pace` in [0, 1) varies latencies with the prompt."""

    id: str
    created: int
    fingerprint: str
    choices: tuple[Choice, ...]
    usage: Usage
    pace: float


def random_of(seed: int, *parts: object, weight: Weight = LIGHT) -> Random:
    """A generator that depends on the seed and the parts alone, the same on every machine.

    Of heavy parts it is another one, found in shorter calls into C.
    """
    if weight.heavy:
        digest = digest_of([seed, *parts], in_slices=weight.huge)
    else:
        text = json.dumps([seed, *parts], sort_keys=True, ensure_ascii=True, default=str)
        digest = sha256(text.encode()).digest()
    return Random(int.from_bytes(digest[:16]))  # noqa: S311 - no secret


def answer(body: Mapping[str, Any], *, model: str, seed: int, weight: Weight = LIGHT) -> Answer:
    """The answer to an OpenAI-shaped chat body; raises `ProviderRejected`."""
    asked = {key: value for key, value in body.items() if key not in _IRRELEVANT}
    random = random_of(seed, model, asked, weight=weight)
    count = _choice_count(body)
    identity, created, pace = f"{random.getrandbits(96):024x}", _created(random), random.random()
    reasoning = _reasoning_tokens(body, random)
    limit = _limit(body)
    if limit is not None:
        reasoning = min(reasoning, limit // 2)
        limit -= reasoning
    tools = _chosen_tools(body)
    most = MAXIMUM_TOKENS // (count * max(1, len(tools)))
    speaker = _Speaker(
        tools=tools,
        form=as_object(body.get("response_format")),
        stop=body.get("stop"),
        most=most,
        limit=most if limit is None else min(limit, most),
        random=random,
        sampler=Sampler(random, MAXIMUM_SAMPLED),
    )
    choices = tuple(speaker.choice() for _ in range(count))
    output = sum(_tokens(choice) for choice in choices) + reasoning
    tokens = estimate_input_tokens(body)
    # One prompt in four is found half in the provider's cache.
    cached = tokens // 2 if random.random() < 0.25 else 0
    return Answer(
        id=f"chatcmpl-sim-{identity}",
        created=created,
        fingerprint=f"fp_sim_{seed & 0xFFFFFFFF:08x}",
        choices=choices,
        usage=Usage(tokens, output, cache_read_tokens=cached, reasoning_tokens=reasoning),
        pace=pace,
    )


def _created(random: Random) -> int:
    """A time in 2024, drawn: the wall clock would make each answer's bytes different."""
    return 1_704_067_200 + random.randrange(366 * 86_400)


def _choice_count(body: Mapping[str, Any]) -> int:
    count: object = body.get("n", 1)
    if count is None:
        return 1
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAXIMUM_CHOICES:
        raise rejected(
            f"'n' must be a whole number from 1 to {MAXIMUM_CHOICES}.",
            param="n",
        )
    return count


def _limit(body: Mapping[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        limit: object = body.get(name)
        if isinstance(limit, int) and not isinstance(limit, bool):
            return max(0, limit)
    return None


def _reasoning_tokens(body: Mapping[str, Any], random: Random) -> int:
    """Some prompts make the model think, and asking for effort makes it always think."""
    tokens = random.randint(8, 64)
    effort: object = body.get("reasoning_effort")
    if effort in (None, "none"):
        return tokens if random.random() < 0.2 and effort is None else 0
    return tokens * {"low": 1, "medium": 2, "high": 4}.get(str(effort), 1)


@dataclass(frozen=True, slots=True)
class _Speaker:
    """What all choices of one answer have in common.

    `most`: tokens that a text or the arguments of a call may be; `limit`: tokens of a choice's text
    that were asked for.
    """

    tools: Sequence[tuple[str, object]]
    form: Mapping[str, Any]
    stop: object
    most: int
    limit: int
    random: Random
    sampler: Sampler

    def choice(self) -> Choice:
        """The next one."""
        calls = tuple(self._call(name, parameters) for name, parameters in self.tools)
        if calls:
            return Choice((), calls, "tool_calls")
        pieces = _stopped(self._text(), self.stop)
        if len(pieces) > self.limit:
            return Choice(pieces[: self.limit], (), "length")
        return Choice(pieces, (), "stop")

    def _call(self, name: str, parameters: object) -> ToolCall:
        identity = f"call_sim_{self.random.getrandbits(64):016x}"
        return ToolCall(identity, name, self._json(self.sampler.sample(parameters)))

    def _text(self) -> tuple[str, ...]:
        kind = self.form.get("type")
        if kind == "json_object":
            return self._json({"answer": " ".join(self.random.choices(WORDS, k=5))})
        if kind == "json_schema":
            schema = as_object(self.form.get("json_schema")).get("schema")
            return self._json(self.sampler.sample(schema))
        return _prose(self.random)

    def _json(self, value: object) -> tuple[str, ...]:
        text = json.dumps(value, ensure_ascii=False)
        end = min(len(text), (self.most + 1) * JSON_PIECE)
        return tuple(text[at : at + JSON_PIECE] for at in range(0, end, JSON_PIECE))


def _prose(random: Random) -> tuple[str, ...]:
    pieces: list[str] = []
    for _ in range(random.randint(1, 8)):
        words = random.choices(WORDS, k=random.randint(5, 14))
        words[0] = words[0].capitalize()
        words[-1] += "."
        pieces += [f" {word}" for word in words]
    pieces[0] = pieces[0].lstrip()
    return tuple(pieces)


def _stopped(pieces: tuple[str, ...], stop: object) -> tuple[str, ...]:
    """The pieces up to the first stop sequence, which is not part of the answer."""
    stops: list[object] = [stop] if isinstance(stop, str) else as_list(stop)
    text = "".join(pieces)
    found = [text.find(item) for item in stops if isinstance(item, str) and item]
    end = min((at for at in found if at >= 0), default=None)
    if end is None:
        return pieces
    kept: list[str] = []
    for piece in pieces:
        if end <= 0:
            break
        kept.append(piece[:end])
        end -= len(piece)
    return tuple(kept)


def _chosen_tools(body: Mapping[str, Any]) -> list[tuple[str, object]]:
    """The functions to call: those demanded, or those whose name the last user message says."""
    tools = _functions(body.get("tools"))
    choice: object = body.get("tool_choice", "auto")
    if not tools or choice == "none":
        return []
    if not isinstance(choice, str | None):
        name = as_text(as_object(as_object(choice).get("function")).get("name"))
        if name not in tools:
            raise rejected(
                "'tool_choice' names a function that is not in 'tools'.",
                param="tool_choice",
            )
        return [(name, tools[name])]
    if choice == "required":
        return [next(iter(tools.items()))]
    said = _last_user_text(body)
    named = [item for item in tools.items() if _says(said, item[0])]
    return named[: 1 if body.get("parallel_tool_calls") is False else MAXIMUM_CALLS]


def _functions(tools: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for tool in as_list(tools):
        function = as_object(as_object(tool).get("function"))
        name = as_text(function.get("name"))
        if 0 < len(name) <= LONGEST_NAME:
            found[name] = function.get("parameters")
    return found


def _says(text: str, name: str) -> bool:
    name = name.lower()
    return name in text or name.replace("_", " ") in text


def _last_user_text(body: Mapping[str, Any]) -> str:
    """Lower-cased text of the last message if the user said it; a tool's result gets prose.

    Of a long one it is the end, where a question stands after what it is about.
    """
    messages = as_list(body.get("messages"))
    last = as_object(messages[-1] if messages else None)
    if last.get("role") != "user":
        return ""
    content: object = last.get("content")
    texts = [as_text(as_object(part).get("text")) for part in as_list(content)]
    return " ".join(text[-LOOKED_AT:] for text in (as_text(content), *texts))[-LOOKED_AT:].lower()


def _tokens(choice: Choice) -> int:
    return len(choice.pieces) + sum(len(call.pieces) + 1 for call in choice.tool_calls)
