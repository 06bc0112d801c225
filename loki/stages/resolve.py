"""2. Ask -> Target: which client, which model, within which limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from returns.pipeline import flow
from returns.result import Result, Success

from loki.money.estimate import MEDIA_TOKENS, estimate_prompt, find_media
from loki.problems import Problem, fail, suggest_nearest
from loki.providers import PROVIDERS, base_url_of, provider_of, type_of
from loki.railway import bind
from loki.record import field_names, replace
from loki.records import Ask, Client, Config, Limits, Model, Target, Task
from loki.stages.draft import TASK_VERBS

#: Seconds and counts for everything that nobody set.
DEFAULT_LIMITS = Limits(
    connect=10, idle=300, total=600, retries=3, max_wait=60, retry_after_send=False
)


def resolve(config: Config, task: Task = "chat") -> Callable[[Ask], Result[Target, Problem]]:
    """Find the client and the model that an ask names, and see that they can do it."""

    def stage(ask: Ask) -> Result[Target, Problem]:
        return find_target(config, ask, task).bind(check_target)

    return stage


def check_target(target: Target) -> Result[Target, Problem]:
    """Return the target if its model can do what is asked, with a reasoning that it has."""
    return flow(
        check_vision(target),
        bind(check_tools),
        bind(check_sampling),
        bind(fit_given_reasoning),
        bind(check_context_window),
    )


def find_target(config: Config, ask: Ask, task: Task) -> Result[Target, Problem]:
    """Return the target that ``client:model``, or a client alone, names."""
    wanted = ask.model or config.model or only_client(config)
    if not wanted:
        return fail(
            "config",
            "no model: name one with -m client:model, LOKI_MODEL, or `model` in the configuration"
            + first_step(config)
            if config.clients
            else f"no clients in {config.origin}",
        )
    name, _, model_name = wanted.partition(":")
    client = find_client(config, name)
    place = config.model_variable or f"`model` of {config.origin}"
    where = "" if ask.model or not config.model else f" ({place})"
    if client is None and not config.clients:
        return fail("config", f"no client named {name!r}: there are no clients in {config.origin}")
    if client is None:
        from loki.stages.suggest_client import suggest_names

        return fail("config", f"no client named {name!r}{where}{suggest_names(config, wanted)}")
    service = provider_of(client)
    if service is None or task not in service.routes:
        return refuse_task(client, task)
    return find_model(config, client, model_name, task).bind(
        lambda model: fill_defaults(config, ask, client, model)
    )


def find_client(config: Config, name: str) -> Client | None:
    """Return the client of a name; ``anthropic`` and ``google`` are claude and gemini too."""
    exact = next((client for client in config.clients if client.name == name), None)
    alike = (client for client in config.clients if type_of(client.name) == type_of(name))
    return exact or next(alike, None)


def refuse_task(client: Client, task: Task) -> Result[Any, Problem]:
    """Return the failure of a client that cannot do a task, with the types that can."""
    able = ", ".join(kind for kind, service in PROVIDERS.items() if task in service.routes)
    return fail("usage", f"{client.type} clients cannot {TASK_VERBS[task]}; those that can: {able}")


def only_client(config: Config) -> str:
    """Return the client of a configuration that has just one, else an empty name."""
    return config.clients[0].name if len(config.clients) == 1 else ""


def first_step(config: Config) -> str:
    """Return what makes a configuration, where there is none."""
    if config.origin != "no configuration file":
        return ""
    place = config.missing_file and f"; no configuration at {config.missing_file}"
    return f"{place}; loki --init writes one"


def find_model(config: Config, client: Client, name: str, task: Task) -> Result[Model, Problem]:
    """Return a model of a client by name, or its first of the right type."""
    catalogue = config.catalogue
    model = catalogue.find_model(client, name) if name else catalogue.first_model(client, task)
    if model is not None and model.type == task:
        return Success(model)
    if model is not None:
        from loki.stages.suggest_client import suggest_fitting

        wrong = f"{with_article(model.type)} model, not {with_article(task)} model"
        near = suggest_fitting(config, client, task)
        return fail("usage", f"{client.name}:{name} is {wrong}{near}")
    if not name:
        message = f"client {client.name!r} lists no {task} model: name one, as {client.name}:MODEL"
        return fail("config", message)
    if client.models:
        from loki.stages.suggest_client import suggest_model

        near = suggest_model(config, client, name, task)
        return fail("config", f"client {client.name!r} has no model {name!r}{near}")
    return Success(catalogue.assume_model(client, name, task))


def with_article(task: str) -> str:
    """Return a task with its article."""
    return f"an {task}" if task == "embedding" else f"a {task}"


def fill_defaults(
    config: Config, ask: Ask, client: Client, model: Model
) -> Result[Target, Problem]:
    """Return the target, with every default filled in."""
    service = provider_of(client)
    if service is None or model.type not in service.routes:
        return refuse_task(client, model.type)
    base = base_url_of(client, service)
    if not base:
        return fail("config", f"client {client.name!r} needs an api_base: the address of its API")
    if re.search(r"\{[A-Z_]+\}", base):
        return fail("config", f"api_base of client {client.name!r} has a gap to fill in: {base}")
    streaming = config.stream if ask.stream is None else ask.stream
    longest = model.max_output_tokens if model.require_max_tokens else None
    sampled = model.abilities.sampling is not False  # else the defaults are not for this model
    settled = replace(
        ask,
        temperature=config.temperature if sampled and ask.temperature is None else ask.temperature,
        top_p=config.top_p if sampled and ask.top_p is None else ask.top_p,
        reasoning=default_effort(config, model) if ask.reasoning is None else ask.reasoning,
        max_tokens=longest if ask.max_tokens is None else ask.max_tokens,
        stream=streaming and not model.no_stream,
    )
    limits = merge_limits(merge_limits(DEFAULT_LIMITS, client.limits), ask.limits)
    agent = config.user_agent or "auto"
    target = Target(settled, client, model, service.dialect, limits, agent)
    lack = service.explain_unsupported(target)
    return fail("config", f"client {client.name!r} {lack}") if lack else Success(target)


def default_effort(config: Config, model: Model) -> str | int | None:
    """Return the effort for an ask that names none: the configuration's, or the model's default.

    The configuration speaks of all models, and so not to those that cannot be asked for it, nor
    to those that the catalogue knows and says nothing of.
    """
    if model.type != "chat":
        return None
    wanted, known = config.reasoning_effort, model.abilities.reasoning
    is_silent = known.by == "none" or (not known.by and model.origin == "catalogue")
    is_fixed = is_silent or (wanted == "none" and known.off is None)
    return model.default_reasoning_effort if wanted is None or is_fixed else wanted


def start_deadline(clock: Callable[[], float]) -> Callable[[Target], Target]:
    """Return a stage that starts the time for everything, unless it runs already.

    What a call waits for from here on ends with it: secrets, tokens, attempts, pauses.
    """

    def stage(target: Target) -> Target:
        limits = target.limits
        if limits.deadline is not None or limits.total is None:
            return target
        return replace(target, limits=replace(limits, deadline=clock() + limits.total))

    return stage


def merge_limits(base: Limits, more: Limits) -> Limits:
    """Return limits with those of another that are set put over them.

    >>> merge_limits(Limits(connect=10, idle=5), Limits(idle=1)).idle
    1
    """
    changes = {name: value for name in LIMITS if (value := getattr(more, name)) is not None}
    return replace(base, **changes) if changes else base


LIMITS = field_names(Limits)


# ---- what the model can do -------------------------------------------------------------------


def check_vision(target: Target) -> Result[Target, Problem]:
    """Refuse images where the model takes none."""
    images = [media for media in find_media(target) if media.media_type.startswith("image/")]
    if not images or target.model.supports_vision is not False:
        return Success(target)
    return fail("usage", f"{target.name} takes no images; if it does, set supports_vision: true")


def check_tools(target: Target) -> Result[Target, Problem]:
    """Refuse tools where the model calls none, and a choice of a tool that is not there."""
    ask = target.ask
    names = [tool.name for tool in ask.tools]
    if ask.tool_choice and not (names or ask.server_tools):
        return fail("usage", "--tool-choice needs --tools")
    if ask.tool_choice and ask.tool_choice not in ("auto", "none", "required", *names):
        return fail(
            "usage",
            f"--tool-choice: no tool {ask.tool_choice!r}{suggest_nearest(ask.tool_choice, names)}",
        )
    if ask.tools and target.model.supports_function_calling is False:
        return fail(
            "usage",
            f"{target.name} calls no tools; if it does, set supports_function_calling: true",
        )
    return check_tool_limits(target)


def check_tool_limits(target: Target) -> Result[Target, Problem]:
    """Refuse what a model does not do together, or cannot be made to do."""
    ask, able = target.ask, target.model.abilities
    name, model = target.client.name, target.model.real_name
    if ask.schema is not None and ask.tools and able.schema_with_tools is False:
        return fail("usage", f"{name} takes --schema or --tools for {model}, not both at once")
    if ask.tool_choice not in (None, "auto", "none") and able.forced_tools is False:
        return fail("usage", f"{name} takes only --tool-choice auto or none for {model}")
    return Success(target)


def check_sampling(target: Target) -> Result[Target, Problem]:
    """Refuse sampling where the model takes none; 1 is what it does anyway."""
    given = {"temperature": target.ask.temperature, "top_p": target.ask.top_p}
    unusual = [name for name, value in given.items() if value not in (None, 1)]
    if not unusual or target.model.abilities.sampling is not False:
        return Success(target)
    cure = "if it does, set supports_sampling_params: true"
    name, model = target.client.name, target.model.real_name
    return fail("usage", f"{name} takes no {unusual[0]} for {model}; {cure}")


def fit_given_reasoning(target: Target) -> Result[Target, Problem]:
    """Return the target with a reasoning that its model has."""
    if target.ask.reasoning is None:
        return Success(target)
    from loki.stages import fit_reasoning as stage

    return stage.fit_reasoning(target)


def check_context_window(target: Target) -> Result[Target, Problem]:
    """Refuse a prompt that is surely over the model's limit."""
    limit = target.model.max_input_tokens
    if limit is None:
        return Success(target)
    size = estimate_prompt(target) - MEDIA_TOKENS * len(find_media(target))
    if size <= limit:
        return Success(target)
    return fail(
        "input",
        f"the prompt has about {size:,} tokens, {target.name} takes {limit:,} (max_input_tokens)",
    )
