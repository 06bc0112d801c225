"""Target -> what Claude's API will not do, and how its model is told to think."""

from __future__ import annotations

from collections.abc import Callable

from returns.result import Result, Success

from loki.json_text import JsonObject
from loki.problems import Problem, fail
from loki.records import Client, Target

VERSION = "2023-06-01"
WITHOUT_SAMPLING = "2026-10-21"  # the first version that refuses temperature and its like
ANSWER = 4096  # tokens for an answer to which nobody set a limit: the API wants one


def version_of(client: Client, default: str = VERSION) -> str:
    """Return the version of the API, by the setting ``api_version``."""
    setting = client.settings.get("api_version")
    return setting.value if setting else default


# ---- what it will not do ---------------------------------------------------------------------


def explain_unsupported(target: Target) -> str:
    """Return why an ask cannot be sent, empty if it can."""
    reason = next(filter(None, (check(target) for check in CHECKS)), "")
    return reason and f"{target.client.name} {reason}"


def check_seed(target: Target) -> str:
    """Return why a seed is refused."""
    return "takes no seed" if target.ask.seed is not None else ""


def check_sampling(target: Target) -> str:
    """Return why sampling is refused: by newer versions always, else beside thoughts but for 1."""
    sampling = {"temperature": target.ask.temperature, "top_p": target.ask.top_p}
    given = [name for name, value in sampling.items() if value is not None]
    unusual = [name for name in given if sampling[name] != 1]
    version = version_of(target.client)
    if given and version.removeprefix("vertex-") >= WITHOUT_SAMPLING:
        return f"takes no {given[0]} with api_version {version}"
    warm = "temperature" in unusual or (target.ask.top_p or 1) < 0.95
    return f"takes no {unusual[0]} with --reasoning" if warm and is_asked_to_think(target) else ""


def check_forced_tools(target: Target) -> str:
    """Return why a forced tool call is refused: a model that thinks cannot be made to call."""
    if target.ask.tool_choice in (None, "auto", "none") or not is_asked_to_think(target):
        return ""
    return "takes only --tool-choice auto or none with --reasoning"


def is_asked_to_think(target: Target) -> bool:
    """Return whether the model is asked to think."""
    return target.ask.reasoning not in (None, "none")


# ---- how it is told to think -----------------------------------------------------------------


def draft_thinking(target: Target) -> Result[JsonObject, Problem]:
    """Return the limit on an answer, and how much of it may be thoughts."""
    ask, known = target.ask, target.model.abilities.reasoning
    longest = target.model.max_output_tokens if ask.max_tokens is None else ask.max_tokens
    limit: JsonObject = {"max_tokens": ANSWER if longest is None else longest}
    match ask.reasoning:
        case None:
            return Success(limit)
        case int(budget):
            return draft_budget(target, budget, longest)
        case "none":
            return Success(limit | ({"thinking": {"type": known.off}} if known.off else {}))
        case str(effort):
            return REASONING.get(known.by, draft_effort)(target, effort, limit, longest)


def draft_effort(
    target: Target, effort: str, limit: JsonObject, longest: int | None
) -> Result[JsonObject, Problem]:
    """Return adaptive thinking by an effort; thoughts that are hidden by default are shown."""
    shown = {} if target.model.abilities.reasoning.tokens else {"display": "summarized"}
    thinking = {"type": "adaptive", **shown}
    return Success({**limit, "thinking": thinking, "output_config": {"effort": effort}})


def draft_budget(target: Target, budget: int, longest: int | None) -> Result[JsonObject, Problem]:
    """Return thinking within the user's number of tokens, which is kept or refused, never bent."""
    if longest is not None and budget >= longest:
        room = f"the answer and its thoughts have {longest} tokens (--max-tokens)"
        return fail("usage", f"{target.client.name} has no room for --reasoning {budget}: {room}")
    return Success(cap_budget(budget, longest))


def draft_effort_as_budget(
    target: Target, effort: str, limit: JsonObject, longest: int | None
) -> Result[JsonObject, Problem]:
    """Return thinking within an effort's budget, at most half of a short answer's tokens."""
    known = target.model.abilities.reasoning
    wanted = known.budgets.get(effort, known.least)
    budget = wanted if longest is None else min(wanted, longest // 2)
    if budget < known.least:
        least = f"--max-tokens of {2 * known.least} or more"
        name = target.client.name
        return fail("usage", f"{name} has no room for --reasoning {effort}: it needs {least}")
    return Success(cap_budget(budget, longest))


def cap_budget(budget: int, longest: int | None) -> JsonObject:
    """Return thinking within a number of tokens; a limit that is not set makes room for it."""
    limit = budget + ANSWER if longest is None else longest
    return {"max_tokens": limit, "thinking": {"type": "enabled", "budget_tokens": budget}}


CHECKS: tuple[Callable[[Target], str], ...] = (check_seed, check_sampling, check_forced_tools)

#: Target, effort, limit, the longest answer that is set -> the fields of the body.
Draft = Callable[[Target, str, JsonObject, "int | None"], Result[JsonObject, Problem]]

#: How a model is told to think, by its family.
REASONING: dict[str, Draft] = {"adaptive": draft_effort, "budget": draft_effort_as_budget}
