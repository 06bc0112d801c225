"""Flags -> Env, Limits, Ask: what every command that sends something does first."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from returns.result import Result

from loki.config.patches import read_param, read_patch
from loki.edge import files
from loki.edge.env import make_env, read_configuration
from loki.formats.openai_messages import read_json
from loki.money.budget import format_dollars
from loki.pipeline import Env
from loki.problems import Problem
from loki.railway import gather
from loki.records import Ask, Limits, Patch


def environment(flags: Namespace) -> dict[str, str]:
    """Return the environment with ``.env`` and ``--config``; proxies may be set in ``.env`` too."""
    environ = files.environment()
    os.environ.update(environ)
    return {**environ, "LOKI_CONFIG_FILE": flags.config} if flags.config else environ


def open_env(
    flags: Namespace, environ: dict[str, str], warn: Callable[[str], None], **options: Any
) -> Result[Env, Problem]:
    """Return the configuration and this machine, with the patch and ledger of the command line."""
    return Result.do(
        keep_open(make_env(config, environ, patches, warn, not flags.no_ledger, **options))
        for config in read_configuration(environ)
        for patches in given_patches(flags)
    )


def keep_open(env: Env) -> Env:
    """Keep a reference, so that SQLite is not closed (and synced) at exit."""
    OPEN.append(env)
    return env


OPEN: list[Env] = []


def given_patches(flags: Namespace) -> Result[tuple[Patch, ...], Problem]:
    """Return the patches of every ``--param``, then that of ``--patch``."""
    params = gather(map(read_param, flags.param))
    if flags.patch is None:
        return params
    patch = read_json(flags.patch, "--patch").bind(lambda raw: read_patch(raw, "--patch"))
    last = patch.alt(lambda problem: replace(problem, kind="input"))
    return Result.do((*first, final) for first in params for final in last)


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


def spent_today() -> str:
    """Return what was spent today by the ledger, for ``-v``; nothing where that is unknown."""
    import time

    from loki.edge.ledger.writer import Ledger, ledger_path
    from loki.money.periods import day_of

    spent = Ledger(ledger_path(os.environ)).spent([day_of(time.time(), None)[1:]])
    return spent.map(
        lambda sums: f"today {'≥ ' if sums[0].unknown else ''}{format_dollars(sums[0].cost)}"
    ).value_or("")


def sampling_options(flags: Namespace) -> Ask:
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
