"""Settles an inference: its usage is priced and recorded, its failure told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from otel import attributes as names
from otel.inference import Inference
from service.bill import Bill
from service.errors import DeadlineExceeded, ProviderError, ProviderTimeout, ServiceError
from service.interruption import Interruption
from service.observation import usage_of
from service.pricing import Price, Priced, Pricing
from service.providers.error_codes import known_code
from service.targets import Target, Targets
from service.tokens import Usage

_NAMES_KEPT = 8
"""Of each model: a provider that makes names up fills no memory."""


class Settlement:
    """Prices what an inference used by the day it was asked for."""

    def __init__(self, pricing: Pricing, targets: Targets) -> None:
        self._pricing = pricing
        self._priced: Mapping[tuple[str, str], Priced] = {
            (target.name, target.model): Priced(
                target.provider_name,
                target.provider_model,
                targets.connections[target.name].base_url,
                own=target.prices,
            )
            for ways in targets.models.values()
            for target in ways
        }
        # Names that answered for a model that was asked for, as they are priced.
        self._answered: dict[Priced, tuple[Priced, ...]] = {}

    def settle(self, inference: Inference, target: Target, usage: Usage, at: datetime) -> Bill:
        """Record usage and cost on the inference and say what it comes to."""
        asked = self._priced[(target.name, target.model)]
        tier = inference.response_attributes.get(names.RESPONSE_TIER)
        if isinstance(tier, str) and tier not in ("auto", "default"):
            asked = replace(asked, service_tier=tier)
        price = self._price(asked, inference.response_model, usage, at)
        inference.usage(usage_of(usage))
        if price is None:
            inference.cost(None)
            return Bill(usage.total_tokens, None, usage.estimated, usage)
        inference.cost(price.amount, source=price.source)
        saved = price.saved_by_prompt_cache
        return Bill(usage.total_tokens, price.amount, usage.estimated, usage, saved)

    def prices(self, target: Target, at: datetime) -> bool:
        """Whether the price of a target's model is known at that moment."""
        return self._pricing.knows(self._priced[(target.name, target.model)], at)

    def bound(
        self, target: Target, *, input_tokens: int, output_tokens: int, at: datetime
    ) -> Decimal | None:
        """The most in USD that so much can cost at a target; None where no price is known.

        The dearest counts of the model that is asked for and of those that answered for it before.
        """
        asked = self._priced[(target.name, target.model)]
        bounds = (
            self._pricing.bound(one, input_tokens=input_tokens, output_tokens=output_tokens, at=at)
            for one in (asked, *self._answered.get(asked, ()))
        )
        return max((bound for bound in bounds if bound is not None), default=None)

    def _price(
        self, asked: Priced, answered: str | None, usage: Usage, at: datetime
    ) -> Price | None:
        if asked.own is None and answered and answered != asked.model:
            # The provider bills for the model that answered; a name only it knows is passed over.
            named = replace(asked, model=answered, asked=asked.model)
            price = self._pricing.price(named, usage, at)
            if price is not None:
                self._remember(named)
                return price
        return self._pricing.price(asked, usage, at)

    def _remember(self, named: Priced) -> None:
        """Bound the next request by this name too: it may be dearer than what is asked for."""
        named = replace(named, service_tier=None)
        asked = replace(named, model=named.asked or named.model, asked=None)
        known = self._answered.get(asked, ())
        if named not in known:
            self._answered[asked] = (*known, named)[-_NAMES_KEPT:]


def note_failed_attempt(inference: Inference, error: ProviderError) -> None:
    """Count one failed attempt at a provider on its inference."""
    inference.provider_error(
        error_type=error.error_type,
        status=error.upstream_status,
        code=known_code(error.upstream_code),
    )
    if isinstance(error, ProviderTimeout):
        inference.timeout(error.timeout_kind)


def end_failed(inference: Inference, error: ServiceError) -> None:
    """End an inference that an error ended."""
    inference.fail(error.error_type, error.own_words, quoting=error.message)
    inference.end(outcome_of(error))


def outcome_of(error: ServiceError) -> Literal["timeout", "provider_error"]:
    """How a request that an error ended is counted."""
    return "timeout" if isinstance(error, ProviderTimeout) else "provider_error"


def end_interrupted(inference: Inference, interruption: Interruption) -> None:
    """End an inference that was cut short from our side."""
    reason = interruption.reason or "client_disconnect"
    if reason == "timeout":
        inference.timeout("deadline")
        inference.fail(DeadlineExceeded.default_code, "The request's deadline passed.")
    elif reason == "shutdown":
        inference.fail("shutdown", "The service was stopped.")
    inference.end(reason)
