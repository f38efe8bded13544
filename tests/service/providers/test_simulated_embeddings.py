from __future__ import annotations

import base64
import math
import struct
from typing import Any

import pytest

from service.errors import (
    ProviderRejected,
)
from service.providers.protocol import Call
from tests.service.providers.simulated_calls import embed, plain, provider


def cosine(one: list[float], two: list[float]) -> float:
    return sum(a * b for a, b in zip(one, two, strict=True))


class TestEmbeddings:
    async def vectors(self, call: Call) -> list[list[float]]:
        return [item["embedding"] for item in (await plain(call))["data"]]

    async def test_vectors_are_unit_long_deterministic_and_different(self) -> None:
        one, two = await self.vectors(embed(["red apple", "blue sky"]))
        assert [one] == await self.vectors(embed("red apple"))
        assert one != two
        for vector in (one, two):
            assert len(vector) == 256
            assert math.isclose(cosine(vector, vector), 1, rel_tol=1e-5)

    async def test_texts_that_share_words_lie_nearer(self) -> None:
        base, near, far = await self.vectors(
            embed(["the cat sat here", "the cat sat there", "quantum flux capacitor"])
        )
        assert cosine(base, near) > cosine(base, far) + 0.2

    async def test_base64_holds_the_same_numbers(self) -> None:
        [floats] = await self.vectors(embed("x", dimensions=7))
        [text] = await self.vectors(embed("x", dimensions=7, encoding_format="base64"))
        assert isinstance(text, str)
        assert list(struct.unpack("<7f", base64.b64decode(text))) == floats

    @pytest.mark.parametrize(
        ("given", "count", "tokens"),
        [("hello", 1, 2), (["a", "b"], 2, 2), ([1, 2, 3], 1, 3), ([[1, 2], [3]], 2, 3)],
    )
    async def test_texts_and_token_ids_are_taken(
        self, given: object, count: int, tokens: int
    ) -> None:
        answer = await provider().complete(embed(given))
        assert len(answer.body["data"]) == count
        assert answer.usage is not None
        assert answer.usage.input_tokens == tokens
        assert answer.usage.output_tokens == 0

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"input": []}, "input"),
            ({"input": 7}, "input"),
            ({"input": "x", "dimensions": 0}, "dimensions"),
            ({"input": "x", "dimensions": 10**9}, "dimensions"),
            ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
            ({"input": ["x"] * 2049}, "input"),
        ],
    )
    async def test_what_cannot_be_embedded_is_rejected(
        self, body: dict[str, Any], param: str
    ) -> None:
        with pytest.raises(ProviderRejected) as caught:
            await provider().complete(Call("embeddings", "e", body))
        assert caught.value.param == param
