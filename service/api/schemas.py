"""What a request body must be: strict where the service relies on it, open everywhere else.

Validation only looks: the body goes on to the provider as the client sent it, with fields this
service does not know (tools, response formats, vendor extensions) untouched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, Required, cast

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from service.errors import InvalidRequest

_OPEN = ConfigDict(extra="allow", strict=True)


def _whole(value: object) -> object:
    """JSON has one kind of number: 2.0 is as whole as 2."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Text = Annotated[str, Field(max_length=16_777_216)]
Model = Annotated[str, Field(min_length=1, max_length=256, examples=["simulated"])]
EmbeddingModel = Annotated[
    str, Field(min_length=1, max_length=256, examples=["simulated-embedding"])
]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Tokens = Annotated[int, Field(ge=1, le=10_000_000), BeforeValidator(_whole)]
JsonObject = dict[str, Any]


@with_config(_OPEN)
class Message(TypedDict, total=False):
    """One message of the conversation."""

    role: Required[Literal["system", "developer", "user", "assistant", "tool", "function"]]
    content: str | list[JsonObject] | None
    name: str | None
    tool_calls: list[JsonObject] | None
    tool_call_id: str | None


@with_config(_OPEN)
class StreamOptions(TypedDict, total=False):
    """How a stream is answered."""

    include_usage: bool | None


@with_config(_OPEN)
class ChatRequest(TypedDict):
    """OpenAI's chat completion request; unknown fields are passed on unchanged."""

    model: Model
    messages: Annotated[list[Message], Field(min_length=1, max_length=10_000)]
    stream: NotRequired[bool | None]
    stream_options: NotRequired[StreamOptions | None]
    max_tokens: NotRequired[Tokens | None]
    max_completion_tokens: NotRequired[Tokens | None]
    n: NotRequired[Annotated[int, Field(ge=1, le=128), BeforeValidator(_whole)] | None]
    temperature: NotRequired[Annotated[float, Field(ge=0, le=2)] | None]
    top_p: NotRequired[Annotated[float, Field(ge=0, le=1)] | None]
    frequency_penalty: NotRequired[Penalty | None]
    presence_penalty: NotRequired[Penalty | None]
    stop: NotRequired[str | Annotated[list[str], Field(max_length=64)] | None]
    seed: NotRequired[
        Annotated[int, Field(ge=-(2**63), le=2**63 - 1), BeforeValidator(_whole)] | None
    ]
    logprobs: NotRequired[bool | None]
    top_logprobs: NotRequired[Annotated[int, Field(ge=0, le=20), BeforeValidator(_whole)] | None]
    logit_bias: NotRequired[dict[str, Annotated[float, Field(ge=-100, le=100)]] | None]
    tools: NotRequired[Annotated[list[JsonObject], Field(max_length=1024)] | None]
    tool_choice: NotRequired[str | JsonObject | None]
    response_format: NotRequired[JsonObject | None]
    user: NotRequired[Annotated[str, Field(max_length=512)] | None]
    service_tier: NotRequired[str | None]


TokenId = Annotated[int, Field(ge=0, le=2**31), BeforeValidator(_whole)]


@with_config(_OPEN)
class EmbeddingsRequest(TypedDict):
    """OpenAI's embeddings request."""

    model: EmbeddingModel
    input: (
        Annotated[str, Field(min_length=1, max_length=16_777_216)]
        | Annotated[list[Text], Field(min_length=1, max_length=2048)]
        | Annotated[list[TokenId], Field(min_length=1, max_length=1_000_000)]
        | Annotated[
            list[Annotated[list[TokenId], Field(min_length=1)]],
            Field(min_length=1, max_length=2048),
        ]
    )
    encoding_format: NotRequired[Literal["float", "base64"] | None]
    dimensions: NotRequired[Annotated[int, Field(ge=1, le=65_536), BeforeValidator(_whole)] | None]
    user: NotRequired[Annotated[str, Field(max_length=512)] | None]


_WHOLE_FIELDS = (
    "n",
    "max_tokens",
    "max_completion_tokens",
    "seed",
    "top_logprobs",
    "dimensions",
)

CHAT: TypeAdapter[ChatRequest] = TypeAdapter(ChatRequest)
EMBEDDINGS: TypeAdapter[EmbeddingsRequest] = TypeAdapter(EmbeddingsRequest)


def check(adapter: TypeAdapter[Any], body: Mapping[str, Any]) -> None:
    """Raise `InvalidRequest`, naming the first field that is wrong, unless the body fits."""
    try:
        adapter.validate_python(body)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        # A union tells of each of its members; the one that was followed furthest was meant.
        param, problem = max(
            ((_param(problem, body), problem) for problem in problems[:64]),
            key=lambda found: found[0].count("."),
        )
        raise InvalidRequest(_sentence(problem, param), param=param or None) from None


def with_whole_numbers(body: dict[str, Any]) -> dict[str, Any]:
    """The checked body, with 5.0 written as 5 where providers expect a whole number."""
    for field in _WHOLE_FIELDS:
        value = body.get(field)
        if isinstance(value, float):
            body[field] = int(value)
    return body


def _sentence(problem: ErrorDetails, param: str) -> str:
    if problem["type"] == "missing":
        return f"Missing required parameter: '{param}'."
    return f"Invalid value for '{param}': {problem['msg']}."


def _param(problem: ErrorDetails, body: object) -> str:
    """The place in the body as OpenAI writes it; names of union members are left out."""
    place: list[str] = []
    here = body
    for part in problem["loc"]:
        if isinstance(here, Mapping) and part in here:
            here = cast("Mapping[str, object]", here)[str(part)]
        elif isinstance(here, list) and isinstance(part, int):
            here = cast("list[object]", here)[part]
        elif problem["type"] != "missing" or part != problem["loc"][-1]:
            continue
        place.append(str(part)[:64])
    return ".".join(place)
