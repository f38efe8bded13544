from __future__ import annotations

import pytest

from service.providers.error_codes import KNOWN, known_code
from service.providers.failures import QUOTA_CODES
from service.providers.openai_format import STATUS_BY_WORD
from service.providers.simulated.faults import CODES


@pytest.mark.parametrize("code", ["rate_limit_exceeded", "RESOURCE_EXHAUSTED", "429", "3051", None])
def test_a_documented_code_is_told(code: str | None) -> None:
    assert known_code(code) == code


@pytest.mark.parametrize("code", ["a caller's words", "looks_like_one", "1234567", "٣", ""])
def test_any_other_code_is_not(code: str) -> None:
    assert known_code(code) == "_OTHER"


def test_every_code_that_the_service_itself_reads_or_makes_is_known() -> None:
    assert set(STATUS_BY_WORD) | set(CODES.values()) | QUOTA_CODES <= KNOWN
