from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.providers.protocol import Timeouts
from service.targets import (
    DEFAULT_PATH,
    Prices,
    RetryPolicy,
    Targets,
    TargetsError,
    load_targets,
)

KEYS = {"OPENAI_API_KEY": "sk-live-1234567890", "EMPTY": "  ", "BROKEN": "two words"}
OPENAI = """
targets:
  openai:
    provider: openai
    base_url: https://api.openai.com/v1/
    api_key_env: OPENAI_API_KEY
    timeouts: {connect: 1, read: 2, total: 3}
    retries: {attempts: 5, base_delay: 0.1, max_delay: 1, max_retry_after: 2}
    headers: {X-Title: Gaugeway}
    refuse_fields: [web_search_options, service_tier]
    models:
      small: {model: gpt-5-mini, prices: {input: 0.25, cache_read: "0.025", output: 2}}
      vectors: {model: text-embedding-3-small, operation: embeddings}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "targets.yaml"


def load(path: Path, text: str | bytes) -> Targets:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_targets(path, credentials=KEYS)


def problem(path: Path, text: str | bytes) -> str:
    with pytest.raises(TargetsError) as caught:
        load(path, text)
    message = str(caught.value)
    assert str(path) in message
    for key in KEYS.values():
        assert key.strip() == "" or key not in message
    return message


class TestShipped:
    def test_the_default_needs_no_key_and_serves_the_simulated_models(self) -> None:
        targets = load_targets(credentials={})
        [chat] = targets.models["simulated"]
        [embedding] = targets.models["simulated-embedding"]
        assert (chat.operation, embedding.operation) == ("chat", "embeddings")
        assert chat.prices is not None
        assert chat.prices.input > 0
        assert embedding.prices is not None
        assert all(item.provider == "simulated" for item in targets.connections.values())

    def test_the_fallback_example_tries_the_flaky_one_first(self) -> None:
        names = [item.name for item in load_targets(credentials={}).models["simulated-fallback"]]
        assert names == ["simulated-flaky", "simulated-steady"]

    def test_the_examples_in_comments_load_once_they_are_taken_out(self, path: Path) -> None:
        text = DEFAULT_PATH.read_text()
        head, body = text.split("\ntargets:\n")
        assert "#   provider" in body
        lines = [line.replace("# ", "", 1) if "  # " in line else line for line in body.split("\n")]
        lines = [line for line in lines if "Never answers" not in line]
        path.write_text(head + "\ntargets:\n" + "\n".join(lines))
        names = {"OPENAI_API_KEY", "OPENROUTER_API_KEY", "ANTHROPIC_API_KEY"}
        targets = load_targets(path, credentials=dict.fromkeys(names, "sk-x"))
        assert {"openai", "openrouter", "ollama", "anthropic"} <= set(targets.connections)
        assert [item.name for item in targets.models["claude-sonnet"]] == [
            "anthropic",
            "openrouter",
        ]


class TestLoading:
    def test_all_that_is_written_arrives(self, path: Path) -> None:
        targets = load(path, OPENAI)
        connection = targets.connections["openai"]
        assert connection.base_url == "https://api.openai.com/v1"
        assert connection.headers == {"X-Title": "Gaugeway"}
        assert connection.api_key is not None
        assert connection.api_key.get_secret_value() == KEYS["OPENAI_API_KEY"]
        [small] = targets.models["small"]
        assert small.provider_name == "openai"
        assert small.provider_model == "gpt-5-mini"
        assert small.timeouts == Timeouts(1, 2, 3)
        assert small.retries == RetryPolicy(5, 0.1, 1, 2)
        assert small.prices == Prices(Decimal("0.25"), Decimal(2), cache_read=Decimal("0.025"))
        assert (small.server_address, small.server_port) == ("api.openai.com", 443)
        assert small.refuse_fields == {"web_search_options", "service_tier"}
        assert targets.models["vectors"][0].operation == "embeddings"
        assert targets.models["vectors"][0].prices is None

    @pytest.mark.parametrize("fields", ["[model]", "[Messages]", "[input]", '[""]', "[a b]", "5"])
    def test_fields_to_refuse_are_names_of_fields_a_request_can_do_without(
        self, path: Path, fields: str
    ) -> None:
        text = OPENAI.replace("[web_search_options, service_tier]", fields)
        assert "targets.openai.refuse_fields" in problem(path, text)

    def test_a_key_is_never_shown(self, path: Path) -> None:
        assert KEYS["OPENAI_API_KEY"] not in repr(load(path, OPENAI))

    def test_a_key_may_be_in_a_file_beside(self, path: Path) -> None:
        (path.parent / "key").write_text("sk-from-file\n")
        text = OPENAI.replace("api_key_env: OPENAI_API_KEY", "api_key_file: key")
        key = load(path, text).connections["openai"].api_key
        assert key is not None
        assert key.get_secret_value() == "sk-from-file"

    @pytest.mark.parametrize("price", ["0.1", '"0.1"', "1e-1"])
    def test_a_price_is_the_decimal_that_is_written(self, path: Path, price: str) -> None:
        targets = load(path, OPENAI.replace("input: 0.25", f"input: {price}"))
        prices = targets.models["small"][0].prices
        assert prices is not None
        assert prices.input == Decimal("0.1")

    def test_openai_without_an_address_is_openai_itself(self, path: Path) -> None:
        text = OPENAI.replace("    base_url: https://api.openai.com/v1/\n", "")
        [small] = load(path, text).models["small"]
        assert small.provider_name == "openai"

    @pytest.mark.parametrize(
        ("url", "address", "port"),
        [
            ("http://127.0.0.1:11434/v1", "127.0.0.1", 11434),
            ("http://[::1]/v1", "::1", 80),
            ("https://api.openai.com", "api.openai.com", 443),
        ],
    )
    def test_address_and_port_are_those_of_the_url(
        self, path: Path, url: str, address: str, port: int
    ) -> None:
        text = OPENAI.replace("https://api.openai.com/v1/", f'"{url}"').replace(
            "provider: openai", "provider: openai\n    provider_name: x"
        )
        [small] = load(path, text).models["small"]
        assert (small.server_address, small.server_port) == (address, port)


TWO = """
targets:
  a: {provider: simulated, models: {m: {}}}
  b: {provider: simulated, models: {m: {}, n: {operation: embeddings}}}
"""
SIMULATED = "targets: {a: {provider: simulated, models: {m: {}}}}\n"


class TestOrder:
    def test_models_say_the_order_of_their_targets(self, path: Path) -> None:
        targets = load(path, TWO + "models: {m: [b, a]}")
        assert [item.name for item in targets.models["m"]] == ["b", "a"]
        assert [item.name for item in targets.models["n"]] == ["b"]

    @pytest.mark.parametrize(
        ("models", "said"),
        [
            ("", "the model 'm' is served by a, b: write their order under models"),
            ("models: {m: [a, c]}", "models.m names the target 'c'; there are a, b"),
            ("models: {m: [a, b], n: [a]}", "models.n names 'a', which does not serve 'n'"),
            ("models: {m: [a, a]}", "models.m names a target twice"),
            ("models: {m: []}", "models.m"),
        ],
    )
    def test_an_order_that_cannot_be_is_told(self, path: Path, models: str, said: str) -> None:
        assert said in problem(path, TWO + models)

    def test_a_fallback_to_another_operation_is_told(self, path: Path) -> None:
        text = TWO.replace("{m: {}}", "{m: {operation: embeddings}}") + "models: {m: [a, b]}"
        assert "models.m mixes operations: chat, embeddings" in problem(path, text)


class TestProblems:
    def test_a_missing_file_is_named_with_its_setting(self, path: Path) -> None:
        with pytest.raises(TargetsError, match=r"targets\.yaml cannot be read.*GAUGEWAY_TARGETS"):
            load_targets(path, credentials={})

    def test_a_file_that_is_no_text_is_told(self, path: Path) -> None:
        assert "not UTF-8" in problem(path, b"\xff\xfe\x00")

    def test_broken_yaml_is_told_with_its_line(self, path: Path) -> None:
        assert "line 2" in problem(path, "targets:\n  a: [")

    def test_a_key_written_twice_is_told_with_its_line(self, path: Path) -> None:
        found = problem(path, OPENAI + "  openai: {}\n")
        assert "the key 'openai' is there twice" in found
        assert "line 14" in found

    def test_yaml_cannot_build_objects(self, path: Path) -> None:
        assert "YAML" in problem(path, 'targets: !!python/object/apply:os.system ["true"]')

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("targets:", "target:", "targets: Field required"),
            ("provider: openai", "", "targets.openai.provider: Field required"),
            ("provider: openai", "provider: openai\n    colour: red", "openai.colour: there is no"),
            ("read: 2", "read: 0", "targets.openai.timeouts.read"),
            ("read: 2", "read: .inf", "targets.openai.timeouts.read"),
            ("attempts: 5", "attempts: 0", "targets.openai.retries.attempts"),
            ("input: 0.25", "input: -1", "targets.openai.models.small.prices.input"),
            ("input: 0.25", "input: .nan", "targets.openai.models.small.prices.input"),
            ("input: 0.25", "input: cheap", "targets.openai.models.small.prices.input"),
            ("input: 0.25", "input: true", "targets.openai.models.small.prices.input"),
            ("https:", "ftp:", "targets.openai.base_url: must be an http or https URL"),
            ("api.openai.com", "u:secret9@api.openai.com", "must not carry credentials"),
            ("/v1/", "/v1?key=1", "must not have a query"),
            ("api.openai.com", "api.openai.com:99999", "targets.openai.base_url"),
            ("api.openai.com", "example.org", "targets.openai: needs provider_name"),
            ("X-Title", "Authorization", "must not hold 'Authorization'"),
            ("X-Title: Gaugeway", 'X-Title: "a\\nb"', "control character"),
            ("small:", '"a b":', "targets.openai.models"),
            ("operation: embeddings", "operation: speech", "models.vectors.operation"),
            ("api_key_env", "api_key", "targets.openai.api_key: there is no such setting"),
            ("OPENAI_API_KEY", "NO_SUCH", "api_key_env names NO_SUCH, which is not set. Set it"),
            ("OPENAI_API_KEY", "EMPTY", "api_key_env names EMPTY, which is not set"),
            ("OPENAI_API_KEY", "BROKEN", "the API key has a space"),
            ("api_key_env: OPENAI_API_KEY", "api_key_file: nowhere", "nowhere cannot be read"),
        ],
    )
    def test_each_problem_is_told_with_its_place(
        self, path: Path, old: str, new: str, said: str
    ) -> None:
        assert old in OPENAI
        found = problem(path, OPENAI.replace(old, new, 1))
        assert said in found
        assert "secret9" not in found

    def test_two_ways_to_a_key_are_one_too_many(self, path: Path) -> None:
        text = OPENAI.replace("    timeouts", "    api_key_file: x\n    timeouts")
        assert "keep one" in problem(path, text)

    @settings(
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["targets", "models", "a", "provider", "prices"]), inner
                )
            ),
            max_leaves=8,
        )
    )
    def test_no_yaml_makes_it_fail_in_any_other_way(self, path: Path, content: Any) -> None:
        try:
            load(path, yaml.safe_dump(content))
        except TargetsError as error:
            assert str(path) in str(error)  # noqa: PT017 - either outcome is right
