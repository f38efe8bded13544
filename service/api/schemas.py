"""What a request body must be: strict where the service relies on it, open everywhere else.

Validation only looks: the body goes on to the provider as the client sent it, with fields this
service does not know (tools, response formats, vendor extensions) untouched. It ends at the first
element of a list or object that is wrong: of a million wrong ones nobody reads a million sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, Required, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetPydanticSchema,
    Tag,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    with_config,
)
from pydantic_core import ErrorDetails, PydanticKnownError, core_schema
from typing_extensions import TypedDict

from service.errors import InvalidRequest

# What is not known is not looked at, and since the body itself goes on, it is not left out either.
_OPEN = ConfigDict(extra="ignore", strict=True)


def _whole(value: object) -> object:
    """JSON has one kind of number: 2.0 is as whole as 2."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Model = Annotated[str, Field(min_length=1, max_length=256, examples=["simulated"])]
EmbeddingModel = Annotated[
    str, Field(min_length=1, max_length=256, examples=["simulated-embedding"])
]
User = Annotated[str, Field(max_length=512)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Tokens = Annotated[int, Field(ge=1, le=10_000_000), BeforeValidator(_whole)]
# Whether it is one is seen without copying it.
JsonObject = Annotated[
    dict[str, Any],
    GetPydanticSchema(
        lambda source, handler: core_schema.custom_error_schema(
            core_schema.is_instance_schema(dict),
            custom_error_type="dict_type",
        )
    ),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
JsonObjects = Annotated[list[JsonObject], Field(fail_fast=True)]


@with_config(_OPEN)
class Message(TypedDict, total=False):
    """One message of the conversation."""

    role: Required[Literal["system", "developer", "user", "assistant", "tool", "function"]]
    content: str | JsonObjects | None
    name: str | None
    tool_calls: JsonObjects | None
    tool_call_id: str | None


@with_config(_OPEN)
class StreamOptions(TypedDict, total=False):
    """How a stream is answered."""

    include_usage: bool | None


@with_config(_OPEN)
class ChatRequest(TypedDict):
    """OpenAI's chat completion request; unknown fields are passed on unchanged."""

    model: Model
    messages: Annotated[list[Message], Field(min_length=1, max_length=10_000, fail_fast=True)]
    stream: NotRequired[bool | None]
    stream_options: NotRequired[StreamOptions | None]
    max_tokens: NotRequired[Tokens | None]
    max_completion_tokens: NotRequired[Tokens | None]
    n: NotRequired[Annotated[int, Field(ge=1, le=128), BeforeValidator(_whole)] | None]
    temperature: NotRequired[Annotated[float, Field(ge=0, le=2)] | None]
    top_p: NotRequired[Annotated[float, Field(ge=0, le=1)] | None]
    frequency_penalty: NotRequired[Penalty | None]
    presence_penalty: NotRequired[Penalty | None]
    stop: NotRequired[str | Annotated[list[str], Field(max_length=64, fail_fast=True)] | None]
    seed: NotRequired[
        Annotated[int, Field(ge=-(2**63), le=2**63 - 1), BeforeValidator(_whole)] | None
    ]
    logprobs: NotRequired[bool | None]
    top_logprobs: NotRequired[Annotated[int, Field(ge=0, le=20), BeforeValidator(_whole)] | None]
    logit_bias: NotRequired[
        Annotated[
            dict[str, Annotated[float, Field(ge=-100, le=100)]],
            Field(fail_fast=True),
        ]
        | None
    ]
    tools: NotRequired[Annotated[list[JsonObject], Field(max_length=1024, fail_fast=True)] | None]
    tool_choice: NotRequired[str | JsonObject | None]
    response_format: NotRequired[JsonObject | None]
    user: NotRequired[User | None]
    safety_identifier: NotRequired[User | None]
    service_tier: NotRequired[str | None]


def _not_empty(text: str) -> str:
    if not text:
        raise PydanticKnownError("string_too_short", {"min_length": 1})
    return text


# A least length would have all characters counted.
NotEmpty = Annotated[
    str, AfterValidator(_not_empty), WithJsonSchema({"type": "string", "minLength": 1})
]


def _whole_ids(value: object) -> object:
    """The same ids, where some are written as 5.0 too; looked for in one go, as most have none."""
    if not isinstance(value, list):
        return value
    ids = cast("list[object]", value)
    return [_whole(one) for one in ids] if float in set(map(type, ids)) else ids


def _kind_of_input(value: object) -> str:
    """What the first one is the others must be."""
    if not isinstance(value, list):
        return "text"
    first = cast("list[object]", value)[0] if value else ""
    if isinstance(first, list):
        return "lists"
    return "texts" if isinstance(first, str) else "ids"


TokenIds = Annotated[
    list[Annotated[int, Field(ge=0, le=2**31)]],
    Field(min_length=1, max_length=1_000_000, fail_fast=True),
    BeforeValidator(_whole_ids),
]
EmbeddingInput = Annotated[
    Annotated[NotEmpty, Tag("text")]
    | Annotated[list[str], Field(min_length=1, max_length=2048, fail_fast=True), Tag("texts")]
    | Annotated[TokenIds, Tag("ids")]
    | Annotated[list[TokenIds], Field(min_length=1, max_length=2048, fail_fast=True), Tag("lists")],
    Discriminator(_kind_of_input),
]


@with_config(_OPEN)
class EmbeddingsRequest(TypedDict):
    """OpenAI's embeddings request."""

    model: EmbeddingModel
    input: EmbeddingInput
    encoding_format: NotRequired[Literal["float", "base64"] | None]
    dimensions: NotRequired[Annotated[int, Field(ge=1, le=65_536), BeforeValidator(_whole)] | None]
    user: NotRequired[User | None]


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
_SENTENCES = 64
"""Of what is wrong so many are looked at; a union tells of each of its members."""


def check(adapter: TypeAdapter[Any], body: Mapping[str, Any]) -> None:
    """Raise `InvalidRequest`, naming the first field that is wrong, unless the body fits."""
    try:
        adapter.validate_python(body)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        # A union tells of each of its members; the one that was followed furthest was meant.
        param, problem = max(
            ((_param(problem, body), problem) for problem in problems[:_SENTENCES]),
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
