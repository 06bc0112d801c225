"""--dry-run and --explain: print the request as it would be sent, and where settings come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from returns.result import Result, Success

from loki.cli.console import Console
from loki.cli.show_request import format_request
from loki.edge.auth.credentials import mask_draft
from loki.edge.auth.secrets import mask
from loki.money.estimate import max_usage, worst_cost
from loki.pipeline import Env, prepare
from loki.problems import count_of
from loki.providers import base_url_of, provider_of
from loki.record import replace
from loki.records import Ask, Limits, Request, Setting, Target, Task
from loki.stages.patch import patches_for
from loki.stages.resolve import resolve
from loki.stages.suggest_client import describe_misspelling
from loki.urls import mask_proxy, mask_url

#: The origins of settings where there is no prompt file.
NOWHERE: Mapping[str, str] = {}


def dry_run(env: Env, ask: Ask, form: str, console: Console, task: Task = "chat") -> int:
    """Print the exact request after all patches; read no secret and send nothing."""
    request = prepare(replace(env, authorize=mask_draft), ask, task)
    if not isinstance(request, Success):
        return console.report(request.failure())
    console.write(format_request(request.unwrap(), form, console.redactor, env.patches) + "\n")
    console.warn(format_worst_case(request.unwrap()))
    if note := describe_misspelling(env.config, request.unwrap().target):
        console.warn(note)
    return 0


def format_worst_case(request: Request) -> str:
    """Return what a request takes and can cost, as it is estimated before it is sent."""
    target, changes = request.target, request.draft.changes
    tokens, cost = max_usage(target, changes).input, worst_cost(target, changes)
    shown = "cost unknown" if cost is None else f"at most ${cost.normalize():f}"
    return f"about {count_of(tokens or 0, 'token')} in, {shown}"


def explain(
    env: Env,
    ask: Ask,
    environ: Mapping[str, str],
    console: Console,
    task: Task = "chat",
    origins: Mapping[str, str] = NOWHERE,
) -> None:
    """Print on stderr where each setting comes from, a line each.

    ``origins`` has the places of those that stand in a prompt file.
    """
    found = explanation_lines(env, ask, environ, task, origins)
    for name, value in [("configuration", env.config.origin), *found]:
        console.print_stderr(f"{name:<14}{value}")


def explanation_lines(
    env: Env,
    ask: Ask,
    environ: Mapping[str, str],
    task: Task = "chat",
    origins: Mapping[str, str] = NOWHERE,
) -> list[tuple[str, str]]:
    """Return names of settings, each with its value and where that comes from."""
    resolved: Result[Target, object] = resolve(env.config, task)(ask)
    if not isinstance(resolved, Success):
        return []
    target = resolved.unwrap()
    model = target.model
    alias = f", sent as {model.real_name}" if model.real_name != model.name else ""
    return [
        (
            "model",
            f"{target.name}{alias} ({describe_choice(env, ask, environ, origins)}; {model.origin})",
        ),
        *url_lines(target),
        *(parameter_lines(env, ask, target, environ, origins) if task == "chat" else []),
        *((name, place) for name, place in origins.items() if name not in SHOWN),
        *(("patch", f"{patch.origin}") for patch in patches_for(target, env.patches)),
        ("limits", describe_limits(target)),
    ]


#: Parameters that are shown with their values.
PARAMETERS = ("temperature", "top_p", "max_tokens", "stream")
SHOWN = ("model", "reasoning", *PARAMETERS)


def describe_choice(
    env: Env, ask: Ask, environ: Mapping[str, str], origins: Mapping[str, str] = NOWHERE
) -> str:
    """Return where the name of the model comes from."""
    if ask.model:
        return f"from {origins.get('model', 'the command line')}"
    if environ.get("LOKI_MODEL"):
        return "from LOKI_MODEL"
    return f"from {env.config.origin}" if env.config.model else "the only client"


def url_lines(target: Target) -> list[tuple[str, str]]:
    """Return the client, its address and every setting of it."""
    client = target.client
    service = provider_of(client)
    assert service is not None  # resolve has seen to it
    base = mask_url(base_url_of(client, service))
    setting = client.settings.get("api_base")
    return [
        ("client", f"{client.name} ({client.type})"),
        ("api_base", f"{base} ({setting.origin if setting else 'default'})"),
        *(
            (name, f"{describe_setting(name, setting)} ({setting.origin})")
            for name, setting in client.settings.items()
            if name != "api_base"
        ),
    ]


def describe_setting(name: str, setting: Setting) -> str:
    """Return the value of a setting, ``***`` if it is or may be a secret."""
    if setting.source != "literal":
        return "***"
    return setting.value if name == "auth" else mask(name, setting.value)


def parameter_lines(
    env: Env,
    ask: Ask,
    target: Target,
    environ: Mapping[str, str],
    origins: Mapping[str, str] = NOWHERE,
) -> list[tuple[str, str]]:
    """Return the parameters of the request, and where they come from."""
    lines = []
    for name in PARAMETERS:
        value = getattr(target.ask, name)
        if value is None:
            if name != "max_tokens" and getattr(env.config, name, None) is not None:
                lines.append((name, f"not sent: {target.name} takes none ({env.config.origin})"))
            continue
        source = "default" if name == "stream" else env.config.origin
        if environ.get(f"LOKI_{name.upper()}"):
            source = f"LOKI_{name.upper()}"
        if name == "max_tokens" or (name == "stream" and target.model.no_stream):
            source = target.model.origin
        if getattr(ask, name) is not None:
            source = origins.get(name, "command line")
        lines.append((name, f"{value} ({source})"))
    return [*lines, *reasoning_lines(env, ask, target, environ, origins)]


def reasoning_lines(
    env: Env, ask: Ask, target: Target, environ: Mapping[str, str], origins: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return the reasoning of the request, and why it is another than was asked for."""
    sent = target.ask.reasoning
    if sent is None:
        return []
    own, common = target.model.default_reasoning_effort, env.config.reasoning_effort
    variable = "LOKI_REASONING_EFFORT"
    asked, source = next(
        (value, place)
        for value, place in (
            (ask.reasoning, origins.get("reasoning", "command line")),
            (common, variable if environ.get(variable) else env.config.origin),
            (own, target.model.origin),
        )
        if value is not None
    )
    if asked == sent or sent == "none":
        return [("reasoning", f"{sent} ({source})")]
    has = ", ".join(target.model.abilities.reasoning.efforts)
    return [("reasoning", f"{sent} (nearest to {asked} of {source}: the model has {has})")]


def describe_limits(target: Target) -> str:
    """Return the limits in force."""
    values = {
        f.name: getattr(target.limits, f.name) for f in fields(Limits) if f.name != "deadline"
    }
    set_values = {name: value for name, value in values.items() if value not in (None, False)}
    return ", ".join(
        f"{name} {mask_proxy(value) if isinstance(value, str) else f'{value:g}'}"
        for name, value in set_values.items()
    )
