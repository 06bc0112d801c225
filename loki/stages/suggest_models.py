"""7c. Request, Problem -> Problem: a model that its provider does not know, with its nearest."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from loki.problems import Problem, suggest_nearest
from loki.record import replace
from loki.records import Client, Config, Request, Target, Task
from loki.urls import mask_url

Suggest = Callable[[Problem], Problem]


def make_suggest(config: Config) -> Callable[[Request], Suggest]:
    """Return what makes a refusal say how to mend the request.

    Of a model that the provider does not know it is of kind config and names the nearest models of
    the client, unless the name is one of them already; of a parameter it shows ``--patch``.
    """

    def stage(request: Request) -> Suggest:
        target = request.target
        known = partial(names_of, config, target.client, target.model.type)
        return lambda problem: suggest_parameter(
            add_address(add_nearest_names(problem, target, known), request), request
        )

    return stage


def add_address(problem: Problem, request: Request) -> Problem:
    """Return the same problem; where no model but an address is unknown, with that address."""
    if problem.status != 404 or not request.url or not re.search(NO_ADDRESS, problem.message):
        return problem
    address = f"; asked {mask_url(request.url)}: is api_base right?"
    return replace(problem, message=problem.message.rstrip(". ") + address)


#: How web servers say that they have nothing at an address.
NO_ADDRESS = (
    r"(?i)page not found|^not found|cannot post|no route|(unknown|invalid) (url|path|endpoint)"
)


def suggest_parameter(problem: Problem, request: Request) -> Problem:
    """Return the same problem; a parameter that was refused is named with what drops it."""
    if problem.status is None:
        return problem
    from loki.stages.suggest_patch import suggest_patch

    return suggest_patch(problem, request)


def names_of(config: Config, client: Client, task: Task) -> list[str]:
    """Return the names of a client's models for a task."""
    return [known.name for known in config.models(client) if known.type == task]


def add_nearest_names(problem: Problem, target: Target, names: Callable[[], list[str]]) -> Problem:
    """Return the same problem, or that the model is unknown and what was perhaps meant."""
    if problem.status not in (400, 404) or problem.kind not in ("config", "input"):
        return problem
    known = names()
    is_listed = target.model.name in known
    if not is_about_model(problem, target, is_listed):
        return problem
    hint = "" if is_listed else suggest_nearest(target.model.name, known)
    message = problem.message.rstrip(". ") + hint if hint else problem.message
    return replace(problem, kind="config", message=message, unknown_model=True)


def is_about_model(problem: Problem, target: Target, is_listed: bool) -> bool:
    """Return whether a refusal says that the model is unknown.

    A 404 does, of a model that is not listed; of a listed one only if its code or words say so, or
    the parameter that its error names.
    """
    if problem.code in CODES or problem.unknown_model:
        return True
    if problem.status == 404 and not is_listed:
        return True
    name = re.escape(target.model.real_name)
    patterns = (LOOSE if problem.status == 404 else ()) + STRICT
    return any(re.search(pattern.format(name=name), problem.message) for pattern in patterns)


#: Words of providers for a model that they do not know, beside the status 404.
CODES = ("model_not_found", "model_not_supported", "DeploymentNotFound", "invalid_model")

#: What a message says about the model in a 404, and in a 400, which has many other reasons too.
LOOSE = ("(?i)(^|[^A-Za-z])models?([^A-Za-z]|$)", r"(?<![\w-]){name}(?![\w-])")
STRICT = (
    r"(?i)(invalid|unknown|unsupported|no such) model( name| id)?\W+{name}(?![\w-])",
    r"(?i)(^|[.:;]\s*)unsupported model(\.|\W*$)",
    r"(?i)(^|[.:;]\s*)((the|requested|specified|provided|given) )*model( name| id)?"
    r"\W+{name}\W+(is |was )?not valid(?! (for|with|in|on|to)\b)",
    r"(?i)you passed\W+{name}(?![\w-])",
    r"(?i)\bmodel (was )?not found\W+{name}(?![\w-])",
    r"(?i)\bmodel ID {name} with on-demand throughput isn",  # Bedrock: its profiles can be asked
    r"(?i)(?<![\w-]){name}\W+(is |was )?(not (a valid|found|supported(\.|$))|unknown|invalid)",
    r"(?i)(?<![\w-]){name}\W+(does not|doesn't|not) exist",
    r"(?i)\bmodel\W+(not exist|identifier is invalid)",
)
