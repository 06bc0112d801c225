"""A row -> its line in the output: an answer or a vector, from the first model that gives one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from returns.result import Result, Success

from loki.batch.rows import ReadyRow
from loki.formats.json_output import reply_json, round_seconds
from loki.json_text import JsonObject
from loki.pipeline import Env, answer_with_data, embed
from loki.problems import Problem, is_curable
from loki.record import replace
from loki.records import Ask
from loki.replies import Embeddings
from loki.usage import COUNTS


def ask_row(
    env: Env, embed_it: bool, row: ReadyRow, fallback: Sequence[str] = ()
) -> Result[JsonObject, Problem]:
    """Return a row's line, without its id: its answer, or the vector of its text.

    ``fallback`` names models that are tried in turn after a failure that another could cure.
    """
    if row.patch is not None:
        env = replace(env, patches=(*env.patches, row.patch))
    result, spent = ask_model(env, embed_it, row.ask), Decimal(0)
    for name in fallback:
        if isinstance(result, Success) or not is_curable(result.failure()):
            break
        spent += result.failure().cost or 0
        result = ask_model(env, embed_it, replace(row.ask, model=name))
    return with_cost(result, spent) if spent else result


def with_cost(result: Result[JsonObject, Problem], spent: Decimal) -> Result[JsonObject, Problem]:
    """Add what models cost that failed before; an unknown cost stays unknown."""

    def added(cost: Decimal | None) -> Decimal | None:
        return None if cost is None else cost + spent

    if not isinstance(result, Success):
        return result.alt(lambda problem: replace(problem, cost=added(problem.cost)))
    line = result.unwrap()
    cost = None if line["cost"] is None else added(Decimal(str(line["cost"])))
    return Success({**line, "cost": None if cost is None else float(cost)})


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
