"""What came of a row in a job -> its line and its entry in the ledger, or asking it again."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from returns.result import Result, Success

from loki.batch.api.protocol import RowResult
from loki.batch.ask_row import vector_json
from loki.formats.json_output import problem_json, reply_json
from loki.formats.structured_output import FindBreach, check_answer, find_schema_violation
from loki.json_text import JsonObject, compact
from loki.money.batch_tier import BatchRates, usual_cost
from loki.problems import Problem
from loki.record import replace
from loki.records import Draft, Request, Response, Target
from loki.replies import Embeddings, Reply
from loki.stages.account import Entry, build_entry, is_free
from loki.stages.parse import parse
from loki.stages.parse_vectors import read_vectors
from loki.usage import COUNTS, Usage


class Answered(NamedTuple):
    """A row that is done, well or not."""

    line: JsonObject  # without what says which row it is
    entry: Entry
    is_good: bool


class Unanswered(NamedTuple):
    """A row to be asked again; ``problem`` is what its line says if that was tried too often."""

    problem: Problem
    counts_as_attempt: bool = True  # as one of the times that it may be tried


class Postponed(NamedTuple):
    """A row for which the account has no credit, or no room: not to be asked again at once."""

    problem: Problem


Outcome: TypeAlias = Answered | Unanswered | Postponed


class RowContext(NamedTuple):
    """What the rows of a job have in common; ``time`` in seconds since the epoch."""

    target: Target
    rates: BatchRates
    time: float  # when the job was created
    find_schema_violation: FindBreach = find_schema_violation  # of a schema, in an answer


#: Codes of a provider that has no room for more rows at the moment.
FULL = frozenset({"token_limit_exceeded", "enqueued_token_limit_exceeded", "batch_limit_exceeded"})


def interpret_result(context: RowContext, result: RowResult) -> Outcome:
    """Return what came of a row."""
    if not result.status:
        message = f"the batch job ended before this row was answered ({result.reason})"
        problem = Problem("offline", message, retryable=True)
        return Unanswered(problem, counts_as_attempt=result.reason != "canceled")
    headers = {"x-request-id": result.request_id} if result.request_id else {}
    request = request_for(context.target, result.is_chat)
    body = compact(result.body).encode("utf-8", "replace")
    outcome = read_answer(context, Response(request, result.status, headers, body))
    if not isinstance(outcome, Success):
        problem = outcome.failure()
        if problem.kind == "quota" or problem.code in FULL:
            return Postponed(problem)
        if problem.kind in ("busy", "offline") and is_free(problem):
            return Unanswered(problem)
    return build_answered(context, request, outcome, result.id)


def request_for(target: Target, is_chat: bool) -> Request:
    """Return a request as far as reading its answer needs one."""
    if is_chat and target.model.endpoint:
        target = replace(target, model=replace(target.model, endpoint=""))
    return Request(Draft(target, "", {}, {}), "", {}, b"")


#: An answer, and its line without what says which row it is.
Read: TypeAlias = Result[tuple[Reply | Embeddings, JsonObject], Problem]


def read_answer(context: RowContext, response: Response) -> Read:
    """Return an answer with its cost at the batch tier, and its line."""

    def priced(found: Any) -> Any:
        return replace(
            found, usage=mark_batch_tier(found.usage), cost=batch_cost(context, found.usage)
        )

    def charged(problem: Problem) -> Problem:
        if problem.usage is None or is_free(problem):
            return problem
        return replace(problem, cost=batch_cost(context, problem.usage))

    if context.target.model.type == "embedding":
        vectors = read_vectors(response).map(priced)
        return vectors.map(lambda found: (found, vector_json(found))).alt(charged)
    ask, find = context.target.ask, context.find_schema_violation
    priced_reply = parse(response).map(priced).alt(charged)
    checked = priced_reply.bind(lambda reply: check_answer(ask, reply, find))
    return checked.map(lambda pair: (pair[0], reply_json(*pair)))


def batch_cost(context: RowContext, usage: Usage) -> Any:
    """Return what a row cost in US dollars, None where nobody knows."""
    return context.rates.cost(usage)


def mark_batch_tier(usage: Usage) -> Usage:
    """Return usage at the tier that was paid, whatever the answer says of it."""
    return replace(usage, tier="batch")


def build_answered(context: RowContext, request: Request, outcome: Read, id: str) -> Answered:
    """Return a row that is done, with its entry in the ledger."""
    found: Result[Any, Problem] = outcome.map(lambda pair: pair[0])
    entry = build_entry(request, found, Usage(), context.time, 0.0)
    usual = usual_cost(entry.usage, request.target.model.price) if entry.cost else None
    entry = replace(entry, batch=id, usual_cost=usual)
    is_good = isinstance(outcome, Success)
    line = outcome.unwrap()[1] if is_good else error_line(outcome.failure())
    return Answered({**line, **without_seconds(line), "tier": "batch"}, entry, is_good)


def without_seconds(line: JsonObject) -> JsonObject:
    """Return what nobody measures in a job, as far as a line has it."""
    return {name: None for name in ("seconds", "first_token_seconds", "attempts") if name in line}


def error_line(problem: Problem) -> JsonObject:
    """Return the line of a row that failed, with what came and was billed."""
    facts = problem_json(problem)
    error = {name: facts[name] for name in ("kind", "message", "status", "sent")}
    if problem.usage is None or is_free(problem):
        return {"error": error}
    return {
        "error": error,
        "text": problem.answer_text or "",
        "usage": {name: getattr(problem.usage, name) for name in COUNTS},
        "cost": None if problem.cost is None else float(problem.cost),
    }


def give_up(context: RowContext, problem: Problem, id: str, rounds: int) -> Answered:
    """Return a row that was asked as often as it may be."""
    message = f"{problem.message} (in {rounds} jobs)"
    failure: Read = Result.from_failure(replace(problem, message=message))
    return build_answered(context, request_for(context.target, False), failure, id)
