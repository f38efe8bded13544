from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import (
    DeadlineExceeded,
    InvalidRequest,
    ModelNotFound,
    ProviderError,
    ProviderFailed,
    ProviderInvalidResponse,
    ProviderModelMissing,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderRequestTooLarge,
    ProviderStreamInterrupted,
    ProviderTimeout,
    ProviderUnauthorized,
    ProviderUnreachable,
    ProviderUnsupported,
    ServiceError,
)
from service.providers.protocol import Timeouts
from service.routing import Retry, check_fields, falls_back, plan, retry_decision
from service.targets import RetryPolicy, Target, Targets

POLICY = RetryPolicy(attempts=4, base_delay=0.5, max_delay=3.0, max_retry_after=20.0)
TRANSIENT: list[ProviderError] = [
    ProviderRateLimited("x"),
    ProviderOverloaded("x"),
    ProviderFailed("x"),
    ProviderUnreachable("x"),
    ProviderInvalidResponse("x"),
    ProviderStreamInterrupted("x"),
    ProviderTimeout("x", timeout_kind="connect"),
    ProviderTimeout("x", timeout_kind="read"),
]
OURS: list[ProviderError] = [
    ProviderUnauthorized("x"),
    ProviderQuotaExhausted("x"),
    ProviderModelMissing("x"),
    ProviderUnsupported("x"),
    ProviderRequestTooLarge("x"),
]


def target(name: str, model: str = "m", operation: str = "chat") -> Target:
    return Target(name, model, operation, "openai", model, Timeouts(), RetryPolicy())


TARGETS = Targets(
    connections={},
    models={
        "m": (target("first"), target("second")),
        "e": (target("first", "e", "embeddings"),),
    },
)


def decide(
    error: ServiceError,
    *,
    attempt: int = 1,
    policy: RetryPolicy = POLICY,
    drawn: float = 0.5,
    remaining: float = 100.0,
) -> Retry | None:
    return retry_decision(
        error, attempt=attempt, policy=policy, random=lambda: drawn, remaining=remaining
    )


class TestPlan:
    def test_targets_are_tried_in_their_order(self) -> None:
        assert [item.name for item in plan("m", TARGETS)] == ["first", "second"]

    @pytest.mark.parametrize("model", ["", "unknown", "M", "m ", "x" * 5000, "\ud83d"])
    def test_an_unknown_model_is_not_found_and_the_message_stays_short(self, model: str) -> None:
        with pytest.raises(ModelNotFound, match="GET /v1/models") as caught:
            plan(model, TARGETS)
        assert caught.value.status == 404
        assert caught.value.code == "model_not_found"
        assert caught.value.param == "model"
        assert len(caught.value.message) < 400

    def test_a_model_of_another_operation_is_told_apart(self) -> None:
        assert plan("e", TARGETS, operation="embeddings")
        with pytest.raises(InvalidRequest, match="served for embeddings, not for chat"):
            plan("e", TARGETS, operation="chat")


class TestFields:
    STRICT = replace(target("second"), refuse_fields=frozenset({"plugins", "models"}))

    @pytest.mark.parametrize("field", ["plugins", "models", "Plugins"])
    def test_a_field_that_a_target_refuses_is_named(self, field: str) -> None:
        with pytest.raises(InvalidRequest, match=f"'{field}'.*'m'") as caught:
            check_fields({"model": "m", field: []}, (target("first"), self.STRICT))
        assert (caught.value.status, caught.value.type) == (400, "invalid_request_error")
        assert (caught.value.code, caught.value.param) == ("field_refused", field)

    def test_other_fields_and_empty_ones_pass(self) -> None:
        body = {"model": "m", "plugins": None, "tools": "t", "service_tier": "flex"}
        check_fields(body, (target("first"), self.STRICT))
        check_fields({"plugins": []}, (target("first"),))


class TestRetry:
    @pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: error.error_type)
    def test_what_may_pass_by_itself_is_tried_again(self, error: ProviderError) -> None:
        assert decide(error) == Retry(0.25)

    @pytest.mark.parametrize(
        "error",
        [
            *OURS,
            ProviderRejected("x"),
            ProviderFailed("x", retryable=False),
            DeadlineExceeded("x"),
            InvalidRequest("x"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_what_will_not_pass_by_itself_is_not(self, error: ServiceError) -> None:
        assert decide(error) is None

    def test_a_provider_that_used_up_its_whole_time_is_not_asked_again(self) -> None:
        assert decide(ProviderTimeout("x", timeout_kind="deadline")) is None

    def test_attempts_are_counted_in_all(self) -> None:
        error = ProviderFailed("x")
        assert [decide(error, attempt=n) is not None for n in range(1, 6)] == [
            True,
            True,
            True,
            False,
            False,
        ]

    def test_delays_double_up_to_their_cap(self) -> None:
        policy = RetryPolicy(attempts=10, base_delay=0.5, max_delay=3.0)
        found = [
            decide(ProviderFailed("x"), attempt=n, policy=policy, drawn=1.0) for n in range(1, 6)
        ]
        assert [retry.delay for retry in found if retry] == [0.5, 1, 2, 3, 3]

    def test_retry_after_is_a_floor_with_a_little_jitter_on_top(self) -> None:
        error = ProviderRateLimited("x", retry_after=7)
        assert decide(error, drawn=0.0) == Retry(7.0)
        assert decide(error, drawn=1.0) == Retry(7.5)

    def test_a_retry_after_of_nought_is_almost_at_once(self) -> None:
        assert decide(ProviderRateLimited("x", retry_after=0), drawn=0.0) == Retry(0.0)

    def test_a_longer_wait_than_is_bearable_is_not_waited(self) -> None:
        assert decide(ProviderRateLimited("x", retry_after=20.1)) is None

    def test_a_wait_beyond_the_deadline_is_not_waited(self) -> None:
        assert decide(ProviderRateLimited("x", retry_after=7), remaining=7) is None
        assert decide(ProviderFailed("x"), remaining=0.25) is None
        assert decide(ProviderFailed("x"), remaining=0) is None
        assert decide(ProviderFailed("x"), remaining=-1) is None

    @given(
        attempt=st.integers(min_value=1, max_value=10**6),
        attempts=st.integers(min_value=1, max_value=20),
        base=st.floats(min_value=0, max_value=600),
        cap=st.floats(min_value=0, max_value=600),
        bearable=st.floats(min_value=0, max_value=3600),
        retry_after=st.none() | st.floats(min_value=0, max_value=86_400),
        drawn=st.floats(min_value=0, max_value=1, exclude_max=True),
        remaining=st.floats(min_value=-10, max_value=10**4),
    )
    def test_a_retry_always_fits_its_bounds(
        self,
        attempt: int,
        attempts: int,
        base: float,
        cap: float,
        bearable: float,
        retry_after: float | None,
        drawn: float,
        remaining: float,
    ) -> None:
        policy = RetryPolicy(attempts, base, cap, bearable)
        error = ProviderRateLimited("x", retry_after=retry_after)
        retry = decide(error, attempt=attempt, policy=policy, drawn=drawn, remaining=remaining)
        if retry is None:
            return
        assert attempt < attempts
        assert 0 <= retry.delay < remaining
        assert math.isfinite(retry.delay)
        if retry_after is None:
            assert retry.delay <= cap
        else:
            assert retry_after <= retry.delay <= bearable + base


class TestFallback:
    @pytest.mark.parametrize("error", [*TRANSIENT, *OURS], ids=lambda error: error.error_type)
    def test_another_target_may_do_what_this_one_did_not(self, error: ProviderError) -> None:
        assert falls_back(error)

    @pytest.mark.parametrize(
        "error",
        [ProviderRejected("x"), DeadlineExceeded("x"), InvalidRequest("x")],
        ids=lambda error: type(error).__name__,
    )
    def test_what_is_the_callers_to_mend_goes_back_to_the_caller(self, error: ServiceError) -> None:
        assert not falls_back(error)
