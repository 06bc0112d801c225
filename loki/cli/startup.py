"""Flags -> Env, Limits, Ask: what every command that sends something does first."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Mapping
from math import inf
from time import monotonic
from typing import Any

from returns.result import Result, Success

from loki.cli.console import Console
from loki.config.patches import read_param, read_patch
from loki.edge import env_file, files
from loki.edge.config_cache import with_piped_config
from loki.edge.env import make_env, read_configuration
from loki.edge.stdin import Opener
from loki.edge.trust import open_user_file
from loki.formats.openai_messages import read_json
from loki.pipeline import Env
from loki.price import format_dollars
from loki.problems import Problem
from loki.railway import gather
from loki.record import replace
from loki.records import Ask, Config, Limits, Patch
from loki.redaction.redactor import Redactor


def environment(flags: Namespace) -> dict[str, str]:
    """Return the environment with ``.env`` and ``--config``; proxies may be set in ``.env`` too.

    Both may be pipes: each is read here, once, within ``--timeout`` or a minute.
    """
    deadline = min(deadline_of(flags), monotonic() + (getattr(flags, "timeout", None) or inf))
    environ = env_file.environment(deadline)
    os.environ.update(env_file.without_passing(environ))
    named = {**environ, "LOKI_CONFIG_FILE": flags.config} if flags.config else environ
    return with_piped_config(named, deadline)


def open_env(
    flags: Namespace, environ: dict[str, str], console: Console, **options: Any
) -> Result[Env, Problem]:
    """Return the configuration and this machine, with the patch and ledger of the command line."""
    warn, redactor = console.warn, console.redactor
    options = {**options, "redactor": redactor}
    return Result.do(
        ready
        for config in read_configuration(environ)
        .map(lambda config: hide_configured_secrets(config, flags, environ, redactor))
        .map(lambda config: print_notes(config, warn))
        for patches in given_patches(flags).map(
            lambda patches: hide_given_secrets(patches, flags.proxy, redactor)
        )
        for env in Success(make_env(config, environ, patches, warn, not flags.no_ledger, **options))
        for ready in with_cache(close_at_exit(env, console), flags, environ, warn)
    )


def hide_given_secrets(
    patches: tuple[Patch, ...], proxy: str | None, redactor: Redactor
) -> tuple[Patch, ...]:
    """Return the patches of the command line; make their secrets known, and those of a proxy.

    Now rather than with the first request: a command that sends none shows its flags, too.
    """
    if patches or proxy:
        from loki.edge.auth.find_secrets import secrets_in_patch, secrets_in_proxy

        redactor.add(*secrets_in_proxy(proxy or ""))
        for patch in patches:
            redactor.add(*secrets_in_patch(patch))
    return patches


def hide_configured_secrets(
    config: Config, flags: Namespace, environ: dict[str, str], redactor: Redactor
) -> Config:
    """Return the configuration; where a request is only shown, make known its secrets.

    A call that sends learns those that it uses when it looks them up. Here nothing is looked up,
    and a key may stand in a patch, a parameter or an address as well.
    """
    if flags.dry_run or getattr(flags, "explain", False):
        from loki.edge.auth.child_environment import register_secrets

        register_secrets(config, environ, redactor)
    return config


def print_notes(config: Config, warn: Callable[[str], None]) -> Config:
    """Return the configuration after a warning for each setting without effect."""
    for note in config.notes:
        warn(note)
    return config


def with_cache(
    env: Env, flags: Namespace, environ: dict[str, str], warn: Callable[[str], None]
) -> Result[Env, Problem]:
    """Return the Env with the answer cache of ``--cache`` or LOKI_CACHE, if one is asked for."""
    if not uses_cache(flags, environ):
        return Success(env)
    from loki.cli.caching import with_answer_cache

    return with_answer_cache(env, flags, environ, warn)


def uses_cache(flags: Namespace, environ: Mapping[str, str]) -> bool:
    """Return whether a cache of answers is asked for."""
    return flags.cache is not None or bool(environ.get("LOKI_CACHE"))


def close_at_exit(env: Env, console: Console) -> Env:
    """Keep a reference, so that SQLite is not closed (and synced) at exit."""
    console.kept = env
    return env


def with_template(flags: Namespace, environ: dict[str, str]) -> Result[Namespace, Problem]:
    """Return the flags with the settings of the prompt file of ``-T``, if there is one."""
    if flags.template_file is None and not flags.set:
        return Success(flags)
    from loki.cli.template import apply_template

    return apply_template(flags, environ, deadline_of(flags))


def given_patches(flags: Namespace) -> Result[tuple[Patch, ...], Problem]:
    """Return the patches of every ``--param``, then that of ``--patch``."""
    params = gather(map(read_param, flags.param))
    if flags.patch is None:
        return params
    return Result.do(
        (*first, final)
        for first in params
        for final in read_given_patch(flags.patch, deadline_of(flags))
    )


def deadline_of(flags: Namespace) -> float:
    """Return when ``--timeout`` ends, on the monotonic clock; inf where it does not span a run."""
    return getattr(flags, "deadline", inf)


def read_given_patch(given: str, deadline: float = inf) -> Result[Patch, Problem]:
    """Return the patch of ``--patch``, the JSON itself or a file, which may be a pipe.

    What is no file is not named in messages: it may be a patch with a secret, and a typo.
    """
    is_file = not is_json(given) and os.path.exists(given)
    name = given if is_file else "--patch"
    return Result.do(
        patch
        for text in (
            files.read_text(given, "--patch", open_user_file, deadline).alt(files.strip_hint)
            if is_file
            else Success(given)
        )
        for raw in read_json(text, name)
        for patch in read_patch(raw, name).alt(lambda problem: replace(problem, kind="input"))
    )


def is_json(given: str) -> bool:
    """Return whether a flag has the JSON itself, not the name of a file with it.

    >>> is_json(' {"a": 1}'), is_json("a.json")
    (True, False)
    """
    return given.lstrip().startswith(("{", "["))


def is_bare_json(given: str) -> bool:
    """Return whether a flag has JSON without brackets: true, false, or what is no file's name.

    >>> is_bare_json("true"), is_bare_json("5"), is_bare_json("a.json")
    (True, True, False)
    """
    if given.strip() in ("true", "false"):
        return True
    return not os.path.exists(given) and isinstance(read_json(given, ""), Success)


def text_or_file(
    given: str, flag: str, opener: Opener | None = None, deadline: float = inf
) -> Result[str, Problem]:
    """Return the JSON of a flag: the flag's own text, or that of the file that it names."""
    return Success(given) if is_json(given) else files.read_text(given, flag, opener, deadline)


def limits_of(flags: Namespace) -> Limits:
    """Return the limits on sending that the command line sets."""
    return Limits(
        connect=flags.connect_timeout,
        idle=flags.idle_timeout,
        total=flags.timeout,
        retries=flags.retries,
        max_wait=flags.max_wait,
        proxy=flags.proxy,
    )


def describe_spent_today() -> str:
    """Return what was spent today by the ledger, for ``-v``; nothing where that is unknown."""
    import time

    from loki.edge.ledger.writer import Ledger, ledger_path
    from loki.money.periods import day_of

    spent = Ledger(ledger_path(os.environ)).spent([day_of(time.time(), None)[1:]])
    return spent.map(
        lambda sums: f"today {'≥ ' if sums[0].unknown_calls else ''}{format_dollars(sums[0].cost)}"
    ).value_or("")


def ask_options(flags: Namespace) -> Ask:
    """Return an Ask without messages: how the flags want a prompt, or every row, answered."""
    return Ask(
        model=flags.model,
        temperature=flags.temperature,
        top_p=flags.top_p,
        max_tokens=flags.max_tokens,
        stop=tuple(flags.stop),
        seed=flags.seed,
        reasoning=flags.reasoning,
        tool_choice=flags.tool_choice,
        limits=limits_of(flags),
        tag=flags.tag,
    )
