"""A row's target and its patches -> what it can cost at most, also by what the patches ask for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from typing import Any

from toolz import get_in

from loki.batch.jobs import Job
from loki.money.estimate import estimate_tokens, max_usage, service_tiers
from loki.money.prices import max_cost
from loki.records import Json, Patch, Target
from loki.stages.patch import merge_patch, patches_for

#: Where the bodies of the providers say how long an answer may be, and how many there are.
LONGEST = (
    *(["max_tokens"], ["max_completion_tokens"], ["max_output_tokens"]),
    *(["generationConfig", "maxOutputTokens"], ["inferenceConfig", "maxTokens"]),
)
COUNTS = (["n"], ["generationConfig", "candidateCount"], ["num_generations"])
TIERS = (["service_tier"], ["serviceTier"], ["serviceTier", "type"])


def row_worst_case(target: Target, job: Job, patches: Sequence[Patch] = ()) -> Decimal | None:
    """Return US dollars that a row can cost; None where nobody knows its price or its length.

    ``patches`` are those of the command line; the row's own and the configuration's count too.
    """
    own = (job.patch,) if job.patch else ()
    extra = [patch.body for patch in (*patches, *own) if patch.body]
    bodies = [patch.body for patch in patches_for(target, (*patches, *own)) if patch.body]
    body: Json = reduce(merge_patch, bodies, {})
    longest, count = number_at(body, LONGEST), number_at(body, COUNTS) or 1
    ask = replace(target.ask, max_tokens=longest) if longest else target.ask
    most = max_usage(replace(target, ask=ask))
    added = sum(estimate_tokens(json.dumps(each, ensure_ascii=False)) for each in extra)
    output = None if most.output is None else most.output * count
    usage = replace(most, input=(most.input or 0) + added, output=output)
    asked = {tier for path in TIERS if isinstance(tier := get_in(path, body, None), str)}
    prices = [
        max_cost(replace(usage, tier=tier), target.model.price)
        for tier in service_tiers(target) | asked
    ]
    known = [price for price in prices if price is not None]
    return max(known) if len(known) == len(prices) else None


def number_at(body: Any, paths: Sequence[list[str]]) -> int | None:
    """Return the largest whole number at some places of a body, None where there is none.

    >>> number_at({"n": 3, "generationConfig": {"candidateCount": 2}}, COUNTS)
    3
    """
    values = [get_in(path, body, None) for path in paths]
    numbers = [value for value in values if type(value) is int and value > 0]
    return max(numbers, default=None)
