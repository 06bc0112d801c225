"""--dry-run and --explain: the request as it would be sent, and what came from where."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping
from dataclasses import fields, replace

from returns.result import Result, Success

from loki.cli import console
from loki.config.setting_names import SENSITIVE
from loki.edge.auth.credentials import masked
from loki.edge.auth.secrets import mask
from loki.json_text import compact
from loki.pipeline import Env, prepare
from loki.problems import EXIT_CODES
from loki.providers import base_of, service_of, wire_of
from loki.records import Ask, Json, Limits, Request, Setting, Target, Task
from loki.stages.patch import patches_for
from loki.stages.resolve import resolve
from loki.urls import mask_proxy, mask_url


def dry_run(prog: str, env: Env, ask: Ask, form: str, task: Task = "chat") -> int:
    """Print the exact request after all patches; nothing is looked up and nothing is sent."""
    ready = prepare(replace(env, authorize=masked), ask, task)
    if not isinstance(ready, Success):
        console.complain(prog, ready.failure(), "text")
        return EXIT_CODES[ready.failure().kind]
    console.out(FORMS[form](ready.unwrap()) + "\n")
    return 0


def hidden(body: Json, content_keys: Collection[str]) -> Json:
    """A body without what a patch put into it as a secret; what is asked is shown as it is."""
    if not isinstance(body, dict):
        return body
    return {
        key: value
        if key in content_keys
        else "***"
        if isinstance(value, str) and SENSITIVE.search(key)
        else hidden(value, content_keys)
        for key, value in body.items()
    }


def hidden_body(request: Request) -> Json:
    """Return a request's body without a patch's secrets."""
    return hidden(json.loads(request.content), wire_of(request.draft.target).content_keys)


def as_json(request: Request) -> str:
    """A request as one JSON object."""
    return json.dumps(
        {
            "method": "POST",
            "url": request.url,
            "headers": dict(request.headers),
            "body": hidden_body(request),
        },
        ensure_ascii=False,
        indent=2,
    )


def as_curl(request: Request) -> str:
    """A request as a command for a shell."""
    lines = [f"curl {shlex.quote(request.url)}"]
    lines += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in request.headers.items()]
    body = compact(hidden_body(request))
    lines.append(f"--data-raw {shlex.quote(body)}")
    return " \\\n  ".join(lines)


FORMS = {"json": as_json, "curl": as_curl}


def explain(env: Env, ask: Ask, environ: Mapping[str, str], task: Task = "chat") -> None:
    """What gave what, a line each on stderr."""
    for name, value in [("configuration", env.config.origin), *reasons(env, ask, environ, task)]:
        console.talk(f"{name:<14}{value}")


def reasons(
    env: Env, ask: Ask, environ: Mapping[str, str], task: Task = "chat"
) -> list[tuple[str, str]]:
    """Names and what decided them."""
    found: Result[Target, object] = resolve(env.config, task)(ask)
    if not isinstance(found, Success):
        return []
    target = found.unwrap()
    model = target.model
    alias = f", sent as {model.real_name}" if model.real_name != model.name else ""
    return [
        ("model", f"{target.name}{alias} ({chosen_by(env, ask, environ)}; {model.origin})"),
        *addresses(target),
        *(parameters(env, ask, target, environ) if task == "chat" else []),
        *(("patch", f"{patch.origin}") for patch in patches_for(target, env.patches)),
        ("limits", limits(target)),
    ]


def chosen_by(env: Env, ask: Ask, environ: Mapping[str, str]) -> str:
    """Who named the model."""
    if ask.model:
        return "from the command line"
    if environ.get("LOKI_MODEL"):
        return "from LOKI_MODEL"
    return f"from {env.config.origin}" if env.config.model else "the only client"


def addresses(target: Target) -> list[tuple[str, str]]:
    """Where the client is, and every setting of it."""
    client = target.client
    service = service_of(client)
    assert service is not None  # resolve has seen to it
    base = mask_url(base_of(client, service))
    said = client.settings.get("api_base")
    return [
        ("client", f"{client.name} ({client.type})"),
        ("api_base", f"{base} ({said.origin if said else 'default'})"),
        *(
            (name, f"{shown(name, setting)} ({setting.origin})")
            for name, setting in client.settings.items()
            if name != "api_base"
        ),
    ]


def shown(name: str, setting: Setting) -> str:
    """A setting's value, unless it is or may be a secret."""
    if setting.form != "literal":
        return "***"
    return setting.value if name == "auth" else mask(name, setting.value)


def parameters(
    env: Env, ask: Ask, target: Target, environ: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Temperature and the like, with who set them."""
    lines = []
    for name in ("temperature", "top_p", "max_tokens", "stream"):
        value = getattr(target.ask, name)
        if value is None:
            continue
        source = "default" if name == "stream" else env.config.origin
        if environ.get(f"LOKI_{name.upper()}"):
            source = f"LOKI_{name.upper()}"
        if name == "max_tokens" or (name == "stream" and target.model.no_stream):
            source = target.model.origin
        if getattr(ask, name) is not None:
            source = "command line"
        lines.append((name, f"{value} ({source})"))
    return lines


def limits(target: Target) -> str:
    """Times and counts in force."""
    said = {f.name: getattr(target.limits, f.name) for f in fields(Limits) if f.name != "end"}
    shown = {name: value for name, value in said.items() if value not in (None, False)}
    return ", ".join(
        f"{name} {mask_proxy(value) if isinstance(value, str) else f'{value:g}'}"
        for name, value in shown.items()
    )
