from __future__ import annotations

import json
from typing import Any

import pytest

from service.errors import (
    ProviderRejected,
    ProviderUnsupported,
)
from service.providers.anthropic_request import messages_request
from service.routing import falls_back
from tests.service.providers.anthropic_wire import (
    text,
)


def request(**body: Any) -> dict[str, Any]:
    body.setdefault("messages", [{"role": "user", "content": "Hi"}])
    return messages_request(body, model="claude", max_tokens=4096, target="a")


class TestRequest:
    def test_the_smallest_request_gets_the_limit_the_api_demands(self) -> None:
        assert request() == {
            "model": "claude",
            "max_tokens": 4096,
            "messages": [{"role": "user", "content": [text("Hi")]}],
        }

    @pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
    def test_the_callers_limit_wins(self, name: str) -> None:
        assert request(**{name: 7})["max_tokens"] == 7

    def test_system_and_developer_messages_become_the_system_prompt(self) -> None:
        found = request(
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hi"},
                {"role": "developer", "content": [text("Be kind.")]},
            ]
        )
        assert found["system"] == [text("Be brief."), text("Be kind.")]
        assert found["messages"] == [{"role": "user", "content": [text("Hi")]}]

    def test_sampling_and_stops_are_translated_and_what_has_no_word_is_left_out(self) -> None:
        found = request(
            temperature=1.7, top_p=0.9, stop="END", seed=7, presence_penalty=1, user="u-1"
        )
        del found["messages"], found["model"], found["max_tokens"]
        assert found == {"temperature": 1, "top_p": 0.9, "stop_sequences": ["END"]}

    def test_images_become_sources(self) -> None:
        parts = [
            text("What is it?"),
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}},
            {"type": "image_url", "image_url": {"url": "https://example.org/cat.jpg"}},
        ]
        [message] = request(messages=[{"role": "user", "content": parts}])["messages"]
        assert message["content"][1:] == [
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0="},
            },
            {"type": "image", "source": {"type": "url", "url": "https://example.org/cat.jpg"}},
        ]

    def test_a_conversation_with_tools_keeps_its_turns(self) -> None:
        calls = [
            {
                "id": f"call_{city}",
                "type": "function",
                "function": {"name": "weather", "arguments": json.dumps({"city": city})},
            }
            for city in ("Rom", "Bern")
        ]
        found = request(
            messages=[
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": None, "tool_calls": calls},
                {"role": "tool", "tool_call_id": "call_Rom", "content": "sun"},
                {"role": "tool", "tool_call_id": "call_Bern", "content": [text("rain")]},
                {"role": "user", "content": "Thanks"},
            ]
        )
        assert [message["role"] for message in found["messages"]] == ["user", "assistant", "user"]
        assert found["messages"][1]["content"][1] == {
            "type": "tool_use",
            "id": "call_Bern",
            "name": "weather",
            "input": {"city": "Bern"},
        }
        assert found["messages"][2]["content"] == [
            {"type": "tool_result", "tool_use_id": "call_Rom", "content": "sun"},
            {"type": "tool_result", "tool_use_id": "call_Bern", "content": [text("rain")]},
            text("Thanks"),
        ]

    def test_tools_become_input_schemas(self) -> None:
        schema = {"type": "object", "properties": {"city": {"type": "string"}}}
        tool = {"name": "weather", "description": "Says it.", "parameters": schema, "strict": True}
        found = request(
            tools=[
                {"type": "function", "function": tool},
                {"type": "function", "function": {"name": "now"}},
            ]
        )
        assert found["tools"] == [
            {
                "name": "weather",
                "description": "Says it.",
                "input_schema": schema,
                "strict": True,
            },
            {"name": "now", "input_schema": {"type": "object", "properties": {}}},
        ]

    @pytest.mark.parametrize(
        ("choice", "wanted"),
        [
            (None, {"type": "auto"}),
            ("auto", {"type": "auto"}),
            ("none", {"type": "none"}),
            ("required", {"type": "any"}),
            ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
        ],
    )
    def test_tool_choices_are_translated(self, choice: object, wanted: object) -> None:
        tools = [{"type": "function", "function": {"name": "f"}}]
        assert request(tools=tools, tool_choice=choice)["tool_choice"] == wanted

    def test_one_tool_at_a_time_is_translated(self) -> None:
        tools = [{"type": "function", "function": {"name": "f"}}]
        found = request(tools=tools, parallel_tool_calls=False)
        assert found["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}

    def test_a_json_schema_becomes_the_output_format(self) -> None:
        schema: dict[str, Any] = {"type": "object", "properties": {}}
        form: dict[str, Any] = {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": schema},
        }
        found = request(response_format=form)["output_config"]
        assert found == {"format": {"type": "json_schema", "schema": schema}}

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"n": 2}, "n"),
            ({"response_format": {"type": "json_object"}}, "response_format"),
            ({"tools": [{"type": "custom", "custom": None}]}, "tools"),
            (
                {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
                "messages",
            ),
        ],
    )
    def test_what_would_change_the_meaning_is_refused_so_that_another_target_may_take_it(
        self, body: dict[str, Any], param: str
    ) -> None:
        with pytest.raises(ProviderUnsupported) as caught:
            request(**body)
        assert caught.value.param == param
        assert caught.value.status == 400
        assert falls_back(caught.value)
        assert not caught.value.retryable

    @pytest.mark.parametrize("arguments", ["{", "[]", "7"])
    def test_tool_arguments_that_are_no_object_are_the_callers_mistake(
        self, arguments: str
    ) -> None:
        call = {"id": "c", "function": {"name": "f", "arguments": arguments}}
        with pytest.raises(ProviderRejected, match="arguments of a tool call"):
            request(messages=[{"role": "assistant", "tool_calls": [call]}])

    @pytest.mark.parametrize("url", ["data:,x", "data:image/png,x", "data:;base64,x"])
    def test_a_data_url_of_another_form_is_the_callers_mistake(self, url: str) -> None:
        part = {"type": "image_url", "image_url": {"url": url}}
        with pytest.raises(ProviderRejected, match="data URL"):
            request(messages=[{"role": "user", "content": [part]}])
