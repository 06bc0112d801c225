"""2d. Config, a name that it has not -> the end of a message: what is meant, or what to add."""

from __future__ import annotations

from loki.problems import Problem, suggest_nearest
from loki.providers import KNOWN, TYPES, type_of
from loki.record import replace
from loki.records import Client, Config, Target, Task
from loki.stages.suggest_models import names_of


def suggest_names(config: Config, wanted: str) -> str:
    """Return the end of a message: the client, or the model of a client, that may be meant."""
    owners = [
        f"{client.name}:{wanted}"
        for client in config.clients
        if any(model.name == wanted for model in config.models(client))
    ]
    client, slash, model = wanted.partition("/")
    if slash and any(each.name == client for each in config.clients):
        owners = [f"{client}:{model}"]
    if owners:
        return f"; did you mean {' or '.join(owners)}?"
    name = wanted.partition(":")[0]
    known = suggest_nearest(name, [client.name for client in config.clients])
    return f"{suggest_client(name, config.origin)}{known}"


def suggest_client(name: str, path: str) -> str:
    """Return the line that makes a provider known to loki a client, empty for any other name.

    >>> suggest_client("groq", "c.yaml")
    '; to add it, under `clients` of c.yaml: - {type: openai-compatible, name: groq}'
    >>> suggest_client("anthropic", "c.yaml"), suggest_client("zzz", "c.yaml")
    ('; to add it, under `clients` of c.yaml: - {type: claude}', '')
    """
    entry = f"type: openai-compatible, name: {name}" if name in KNOWN else f"type: {type_of(name)}"
    is_known = name in KNOWN or type_of(name) in TYPES
    return f"; to add it, under `clients` of {path}: - {{{entry}}}" if is_known else ""


def suggest_fitting(config: Config, client: Client, task: Task) -> str:
    """Return the end of a message: a client's models for a task, or how to list one."""
    known = suggest_nearest(
        "", [f"{client.name}:{name}" for name in names_of(config, client, task)]
    )
    return known or (with_type("; if it is one, set", task) if client.models else "")


def suggest_model(config: Config, client: Client, name: str, task: Task) -> str:
    """Return the end of a message: the nearest model for a task, or how to list one."""
    near = suggest_nearest(name, names_of(config, client, task))
    return near or with_type("; list it under `models`, with", task)


def with_type(advice: str, task: Task) -> str:
    """Return advice that ends with the type of a model, none for chat, which is the default.

    >>> with_type("; set", "embedding"), with_type("; set", "chat")
    ('; set `type: embedding`', '')
    """
    return "" if task == "chat" else f"{advice} `type: {task}`"


def describe_misspelling(config: Config, target: Target) -> str:
    """Return which models have nearly the name of one that nobody lists; empty if none has."""
    if target.model.origin != "as given":
        return ""
    near = suggest_nearest(target.model.name, names_of(config, target.client, target.model.type))
    is_near = near.startswith("; did you mean")
    return f"{target.name} is not in the catalogue{near}" if is_near else ""


def add_misspelling(config: Config, target: Target, problem: Problem) -> Problem:
    """Return a problem of money, with what was perhaps meant by a model that nobody lists."""
    hint = describe_misspelling(config, target) if problem.kind == "budget" else ""
    return replace(problem, message=f"{problem.message}; {hint}") if hint else problem
