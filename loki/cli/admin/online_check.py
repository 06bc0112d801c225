"""loki --check=online: configured clients -> whether each provider lists the models in use."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection, Mapping

from returns.result import Success

from loki.cli.admin.live_models import ask_clients
from loki.cli.console import Console
from loki.cli.startup import limits_of
from loki.edge.env import make_env
from loki.json_text import JsonObject
from loki.problems import EXIT_CODES, Problem, suggest_nearest
from loki.records import Client, Config


def check_online(
    config: Config, flags: Namespace, environ: Mapping[str, str], console: Console
) -> int:
    """Print, for each client, what its provider says; return the exit code of the first problem.

    A client without a key is only noted, unless no client was reached.
    """
    env = make_env(config, environ, say=console.warn, keep=False, redactor=console.redactor)
    answers = ask_clients(env, config.clients, limits_of(flags))
    problems = [answer.failure() for _, answer in answers if not isinstance(answer, Success)]
    bad = [problem for problem in problems if not is_keyless(problem)]
    for client, answer in answers:
        if isinstance(answer, Success):
            console.write(describe(client, answer.unwrap()))
    for problem in problems:
        if is_keyless(problem):
            console.print_stderr(f"note: {problem.message}")
        else:
            console.print_problem(problem, flags.output)
    if len(problems) == len(answers):  # nobody was reached: a key is missing everywhere
        return EXIT_CODES[[*bad, *problems][0].kind] if problems else 0
    return EXIT_CODES[bad[0].kind] if bad else 0


def is_keyless(problem: Problem) -> bool:
    """Return whether a client has no credential, so that nobody was asked."""
    return problem.kind == "auth" and problem.status is None and not problem.sent


def describe(client: Client, listed: Collection[JsonObject]) -> str:
    """Return a line about a client whose provider answers, and some about models it lacks.

    >>> from loki.records import Client
    >>> client = Client("c", "openai", {}, models=({"name": "a", "real_name": "gpt-4x"},))
    >>> print(describe(client, [{"name": "gpt-4o"}]), end="")
    c: 1 model listed
    c: gpt-4x is not among them; did you mean 'gpt-4o'?
    """
    names = [entry["name"] for entry in listed]
    used = [str(model.get("real_name", model.get("name"))) for model in client.models]
    missing = [name for name in used if name not in names]
    lines = [
        f"{len(names)} model{'s' * (len(names) != 1)} listed",
        *(f"{name} is not among them{suggest_nearest(name, names)}" for name in missing[:MOST]),
        *([f"nor are {len(missing) - MOST} more of yours"] if len(missing) > MOST else []),
    ]
    return "".join(f"{client.name}: {line}\n" for line in lines)


MOST = 3  # models that are named; a provider that lists none of many says so once
