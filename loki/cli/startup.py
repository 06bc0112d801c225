"""flags -> Env, limits: what every command does that asks something; and how it says it cannot."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from returns.result import Result

from loki.cli import console
from loki.config.patches import read_patch
from loki.edge import files
from loki.edge.env import over, read
from loki.formats.openai_messages import read_json
from loki.pipeline import Env
from loki.problems import EXIT_CODES, Problem
from loki.railway import gather
from loki.records import Ask, Limits, Patch


def environment(flags: Namespace) -> dict[str, str]:
    """The variables in force, ``--config`` among them; proxies may stand in .env too."""
    environ = files.environment()
    os.environ.update(environ)
    return {**environ, "LOKI_CONFIG_FILE": flags.config} if flags.config else environ


def env_of(
    flags: Namespace, environ: dict[str, str], prog: str, **more: Any
) -> Result[Env, Problem]:
    """The configuration and this machine, with the patch and the ledger of the command line."""
    say = warner(flags, prog)
    return gather((read(environ), gather(given_patch(flags)))).map(
        lambda found: held(over(found[0], environ, found[1], say, not flags.no_ledger, **more))
    )


def warner(flags: Namespace, prog: str) -> Callable[[str], None]:
    """What tells a warning, unless nobody wants any."""
    return (lambda words: None) if flags.quiet else (lambda words: console.talk(f"{prog}: {words}"))


def held(env: Env) -> Env:
    """The same, until the process ends: to close its ledger would be to wait for the disk."""
    HELD.append(env)
    return env


HELD: list[Env] = []


def given_patch(flags: Namespace) -> list[Result[Patch, Problem]]:
    """The patch of ``--patch``, if there is one."""
    if flags.patch is None:
        return []
    told = read_json(flags.patch, "--patch").bind(lambda raw: read_patch(raw, "--patch"))
    return [told.alt(lambda problem: replace(problem, kind="input"))]


def limits_of(flags: Namespace) -> Limits:
    """What the command line says about sending."""
    return Limits(
        connect=flags.connect_timeout,
        idle=flags.idle_timeout,
        total=flags.timeout,
        retries=flags.retries,
        max_wait=flags.max_wait,
        proxy=flags.proxy,
    )


def today() -> str:
    """What was spent today by the ledger, for ``-v``; nothing where that cannot be read."""
    import time

    from loki.edge.ledger.writer import Ledger, path_of
    from loki.money.budget import money
    from loki.money.periods import day_of

    told = Ledger(path_of(os.environ)).spent([day_of(time.time(), None)[1:]])
    return told.map(
        lambda sums: f"today {'≥ ' if sums[0].unknown else ''}{money(sums[0].cost)}"
    ).value_or("")


def how_to_ask(flags: Namespace) -> Ask:
    """What the flags say of how to answer, to a pipe as to every row of many."""
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


def failed(prog: str, problem: Problem, form: str) -> int:
    """Say why, and the exit code."""
    if form == "events":
        console.say(console.compact({"type": "error", **console.problem_json(problem)}) + "\n")
    console.complain(prog, problem, form)
    return EXIT_CODES[problem.kind]
