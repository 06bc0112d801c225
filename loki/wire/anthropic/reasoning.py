"""Target -> what its Claude model will not do, and how it is told to think."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from returns.result import Result, Success

from loki.problems import Problem, fail
from loki.records import Client, JsonObject, Target

VERSION = "2023-06-01"
WITHOUT_SAMPLING = "2026-10-21"  # the first version that refuses temperature and its like
LEAST_BUDGET = 1024  # tokens
ANSWER = 4096  # tokens for an answer to which nobody set a limit: the API wants one
LEVELS = {"low": 1024, "medium": 4096, "high": 16384}  # tokens, for models without efforts


class ModelSupport(NamedTuple):
    """A model's support for options; the defaults are for an unknown one."""

    efforts: bool = False  # thinks as much as it finds right, guided by an effort
    budgets: bool = True  # thinks within a number of tokens
    off: str | None = "disabled"  # disables thinking; "": omit the field; None: it cannot be
    sampling: bool = True  # temperature and top_p
    forced_tools: bool = True  # can be made to call a tool


def support_of(model: str) -> ModelSupport:
    """Return what is known of a model by its name.

    >>> support_of("claude-opus-4-20250514").efforts, support_of("claude-opus-4-6@default").efforts
    (False, True)
    """
    return next(
        (support for name, support in SUPPORT.items() if re.search(name, model)), ModelSupport()
    )


def version_of(client: Client, default: str = VERSION) -> str:
    """Return the version of the API, by the setting ``api_version``."""
    setting = client.settings.get("api_version")
    return setting.value if setting else default


# ---- what it will not do ---------------------------------------------------------------------


def unsupported(target: Target) -> str:
    """Return why an ask cannot be sent, empty if it can."""
    reason = next(filter(None, (check(target) for check in CHECKS)), "")
    return reason and f"{target.client.name} {reason}"


def check_seed(target: Target) -> str:
    """Return why a seed is refused."""
    return "takes no seed" if target.ask.seed is not None else ""


def check_sampling(target: Target) -> str:
    """Return why sampling is refused: by newer versions always, by newer models but for 1."""
    sampling = {"temperature": target.ask.temperature, "top_p": target.ask.top_p}
    given = [name for name, value in sampling.items() if value is not None]
    unusual = [name for name in given if sampling[name] != 1]
    version, model = version_of(target.client), target.model.real_name
    if given and version.removeprefix("vertex-") >= WITHOUT_SAMPLING:
        return f"takes no {given[0]} with api_version {version}"
    if unusual and not support_of(model).sampling:
        return f"takes no {unusual[0]} for {model}"
    warm = "temperature" in unusual or (target.ask.top_p or 1) < 0.95
    return f"takes no {unusual[0]} with --reasoning" if warm and is_asked_to_think(target) else ""


def check_forced_tools(target: Target) -> str:
    """Return why a forced tool call is refused: a model that thinks cannot be made to call."""
    if target.ask.tool_choice in (None, "auto", "none"):
        return ""
    if not support_of(target.model.real_name).forced_tools:
        return f"takes only --tool-choice auto or none for {target.model.real_name}"
    return (
        "takes only --tool-choice auto or none with --reasoning"
        if is_asked_to_think(target)
        else ""
    )


def is_asked_to_think(target: Target) -> bool:
    """Return whether the model is asked to think."""
    return target.ask.reasoning not in (None, "none")


# ---- how it is told to think -----------------------------------------------------------------


def draft_thinking(target: Target) -> Result[JsonObject, Problem]:
    """Return the limit on an answer, and how much of it may be thoughts."""
    ask, support = target.ask, support_of(target.model.real_name)
    longest = target.model.max_output_tokens if ask.max_tokens is None else ask.max_tokens
    limit: JsonObject = {"max_tokens": ANSWER if longest is None else longest}
    match ask.reasoning:
        case None:
            return Success(limit)
        case int(budget):
            return in_budget(target, support, budget, longest)
        case "none" if support.off is None:
            model = target.model.real_name
            return fail("usage", f"{target.client.name} cannot keep {model} from thinking: try low")
        case "none":
            return Success(limit | ({"thinking": {"type": support.off}} if support.off else {}))
        case str(effort) if support.efforts:
            return Success(limit | by_effort(support, effort))
        case level:
            return by_level(target, level, longest)


def by_effort(support: ModelSupport, effort: str) -> JsonObject:
    """Return adaptive thinking by an effort; thoughts that are hidden by default are shown."""
    shown = {} if support.budgets else {"display": "summarized"}
    return {"thinking": {"type": "adaptive", **shown}, "output_config": {"effort": effort}}


def in_budget(
    target: Target, support: ModelSupport, budget: int, longest: int | None
) -> Result[JsonObject, Problem]:
    """Return thinking within the user's number of tokens, which is kept or refused, never bent."""
    name, model = target.client.name, target.model.real_name
    if not support.budgets:
        return fail("usage", f"{name} takes --reasoning low, medium or high for {model}, no tokens")
    if budget < LEAST_BUDGET:
        return fail("usage", f"{name} takes --reasoning of {LEAST_BUDGET} tokens or more")
    if longest is not None and budget >= longest:
        room = f"the answer and its thoughts have {longest} tokens (--max-tokens)"
        return fail("usage", f"{name} has no room for --reasoning {budget}: {room}")
    return Success(within(budget, longest))


def by_level(target: Target, level: str, longest: int | None) -> Result[JsonObject, Problem]:
    """Return thinking within a level's budget, at most half of a short answer's tokens."""
    name = target.client.name
    if level not in LEVELS:
        return fail("usage", f"{name} takes --reasoning none, low, medium, high or TOKENS")
    budget = LEVELS[level] if longest is None else min(LEVELS[level], longest // 2)
    if budget < LEAST_BUDGET:
        least = f"--max-tokens of {2 * LEAST_BUDGET} or more"
        return fail("usage", f"{name} has no room for --reasoning {level}: it needs {least}")
    return Success(within(budget, longest))


def within(budget: int, longest: int | None) -> JsonObject:
    """Return thinking within a number of tokens; a limit that is not set makes room for it."""
    limit = budget + ANSWER if longest is None else longest
    return {"max_tokens": limit, "thinking": {"type": "enabled", "budget_tokens": budget}}


CHECKS: tuple[Callable[[Target], str], ...] = (check_seed, check_sampling, check_forced_tools)

LATER = ModelSupport(efforts=True, budgets=False, sampling=False)

#: By a piece of a model's name; from Anthropic's guides to moving to each of these models.
SUPPORT: dict[str, ModelSupport] = {
    r"fable|mythos": LATER._replace(off=None),
    r"opus-5-[5-9]": LATER._replace(off=None, forced_tools=False),
    r"sonnet-5-[5-9]": LATER._replace(off="between_tools", forced_tools=False),
    r"(opus|sonnet|haiku)-5": LATER,
    r"opus-4-[78]": LATER._replace(off=""),
    r"(opus|sonnet)-4-6": ModelSupport(efforts=True, off=""),
    r"claude": ModelSupport(off=""),
}
