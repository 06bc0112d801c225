"""A row -> its line in the output: an answer or a vector, from the first model that gives one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from returns.result import Failure, Result, Success

from loki.batch.rows import ReadyRow
from loki.formats.json_output import reply_json, round_seconds
from loki.json_text import JsonObject
from loki.pipeline import Env, answer_with_data, embed
from loki.problems import Problem, is_curable
from loki.record import replace
from loki.records import Ask
from loki.replies import Embeddings
from loki.stages.account import is_free
from loki.stages.parse_vectors import add_costs
from loki.usage import COUNTS


def ask_row(
    env: Env, embed_it: bool, row: ReadyRow, fallback: Sequence[str] = ()
) -> Result[JsonObject, Problem]:
    """Return a row's line, without its id: its answer, or the vector of its text.

    ``fallback`` names models that are tried in turn after a failure that another could cure.
    """
    if row.patch is not None:
        env = replace(env, patches=(*env.patches, row.patch))
    result = ask_model(env, embed_it, row.ask)
    spent: Decimal | None = Decimal(0)
    for name in fallback:
        if isinstance(result, Success) or not is_curable(result.failure()):
            break
        result, before = ask_model(env, embed_it, replace(row.ask, model=name)), result.failure()
        spent = add_costs([spent, failure_cost(before)])
    return result if spent == 0 else with_cost(result, spent)


def failure_cost(problem: Problem) -> Decimal | None:
    """Return what a failure cost in US dollars, None where nobody knows.

    >>> failure_cost(Problem("busy", "", sent=True, status=429))
    Decimal('0')
    >>> failure_cost(Problem("offline", "", sent=True)) is None
    True
    """
    if problem.cost is not None:
        return problem.cost
    return Decimal(0) if is_free(problem) else None


def with_cost(
    result: Result[JsonObject, Problem], spent: Decimal | None
) -> Result[JsonObject, Problem]:
    """Add what models cost that failed before; an unknown cost stays unknown."""
    if not isinstance(result, Success):
        problem = result.failure()
        total = add_costs([spent, failure_cost(problem)])
        return Failure(replace(problem, cost=total, is_cost_unknown=total is None))
    line = result.unwrap()
    own = None if line["cost"] is None else Decimal(str(line["cost"]))
    total = add_costs([spent, own])
    return Success({**line, "cost": None if total is None else float(total)})


def ask_model(env: Env, embed_it: bool, ask: Ask) -> Result[JsonObject, Problem]:
    """Return a row's line as one model answers it."""
    if embed_it:
        return embed(env, ask).map(vector_json)
    return answer_with_data(env, ask).map(lambda pair: reply_json(*pair))


def vector_json(found: Embeddings) -> JsonObject:
    """Return a row's line with the vector of its text."""
    return {
        "model": found.model,
        "embedding": list(found.vectors[0]),
        "usage": {name: getattr(found.usage, name) for name in COUNTS},
        "cost": None if found.cost is None else float(found.cost),
        "seconds": round_seconds(found.seconds),
        "attempts": found.attempts,
        "request_id": found.request_id,
        **({"cached": True} if found.is_cached else {}),
    }
