"""Build Env, everything a pipeline needs from outside: open_env()."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from os import devnull
from typing import TYPE_CHECKING

from returns.result import Failure, Result, Success

from loki.config.build_config import build_config
from loki.config.given_clients import CLIENTS, with_given_clients
from loki.edge import files
from loki.edge.auth import credentials
from loki.edge.auth.auth_context import AuthContext
from loki.edge.auth.aws_region import with_regions
from loki.edge.auth.find_secrets import with_redaction
from loki.edge.config_cache import read_config
from loki.edge.env_file import environment, notes_in, refusal
from loki.edge.ledger.writer import Ledger, Warn, ledger_path
from loki.formats.schema_references import is_cheap
from loki.formats.structured_output import find_schema_violation
from loki.json_text import Json, JsonObject
from loki.pipeline import Env
from loki.problems import Problem, fail
from loki.record import replace
from loki.records import Config, Patch, Request
from loki.redaction.redactor import Redactor

if TYPE_CHECKING:
    from loki.edge.http.attempt import Attempt
    from loki.edge.ledger.budget import Waiting


def log_warning(message: str) -> None:
    """Log a warning to the logger named loki, where no command prints it."""
    from logging import getLogger

    getLogger("loki").warning(message)


def open_env(
    config_file: str | None = None,
    environ: Mapping[str, str] | None = None,
    patches: tuple[Patch, ...] = (),
) -> Result[Env, Problem]:
    """Return the Env of the user's configuration on this machine.

    ``config_file`` and ``environ`` stand in for the usual file and for os.environ with its .env.
    With a HOME in ``environ``, the configuration, cache and ledger under it are used. Without one
    nothing of the user's own is read or written: calls are in no ledger, unless LOKI_LEDGER or
    LOKI_STATE_DIR names a place for it, which a budget needs.
    Fails with kind config if the configuration is wrong.

    >>> env = open_env(environ={"LOKI_PLATFORM": "openai"}).unwrap()
    >>> env.config.origin, env.config.model
    ('no configuration file', 'openai')
    """
    variables = environment() if environ is None else {**with_private_folders(environ), **environ}
    if config_file is not None:
        variables = {**variables, "LOKI_CONFIG_FILE": config_file}
    keep = has_ledger(variables)
    return Result.do(
        make_env(checked, variables, patches, keep=keep)
        for config in read_configuration(variables)
        for checked in check_ledger(config, keep)
    )


def with_private_folders(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that lead to no folder, where an environment has no home of its own."""
    if any(environ.get(name) for name in HOMES):
        return {}
    kinds = [kind for kind in ("CONFIG", "CACHE", "STATE") if not environ.get(f"XDG_{kind}_HOME")]
    return {f"LOKI_{kind}_DIR": NOWHERE for kind in kinds}


def has_ledger(environ: Mapping[str, str]) -> bool:
    """Return whether variables lead to a place for the ledger."""
    return bool(environ.get("LOKI_LEDGER")) or environ.get("LOKI_STATE_DIR") != NOWHERE


def check_ledger(config: Config, keep: bool) -> Result[Config, Problem]:
    """Refuse a budget where no ledger is kept, which it is counted in."""
    if keep or not config.budget:
        return Success(config)
    lack = "environ has no HOME: set LOKI_LEDGER to a file for it"
    return fail("config", f"a budget needs a ledger, and {lack}")


#: Variables that say where a user's home is.
HOMES = ("HOME", "USERPROFILE", "APPDATA")
#: A folder that cannot be.
NOWHERE = f"{devnull}/loki"


def read_configuration(environ: Mapping[str, str]) -> Result[Config, Problem]:
    """Return the configuration that environment variables lead to."""
    if problem := refusal(environ):
        return Failure(problem)
    path = files.config_file(environ)
    plain = read_config(path, environ)
    return plain.bind(lambda plain: make_config(plain, path, environ))


def make_config(
    plain: JsonObject | None, path: str, environ: Mapping[str, str]
) -> Result[Config, Problem]:
    """Return the configuration of a file's plain values, with what stands elsewhere."""
    texts = files.read_catalogue(environ), files.read_families()
    is_absent = plain is None and path.startswith(NOWHERE)
    origin = CLIENTS if plain is None and environ.get(CLIENTS) else "" if is_absent else path
    return (
        with_given_clients(plain, environ)
        .bind(lambda whole: build_config(whole, origin, environ, *texts))
        .map(
            lambda config: replace(
                with_regions(config, environ), notes=(*notes_in(environ), *config.notes)
            )
        )
    )


def with_vault(config: Config, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables, with the configured path of the vault's password file added."""
    path = config.vault_password_file
    return {**environ, "LOKI_VAULT_PASSWORD_FILE": path} if path else environ


def make_env(
    config: Config,
    environ: Mapping[str, str],
    patches: tuple[Patch, ...] = (),
    say: Warn = log_warning,
    keep: bool = True,
    paced: Callable[[Attempt], Attempt] = lambda attempt: attempt,
    on_idle: Callable[[], None] | None = None,
    waiting: Waiting | None = None,
    redactor: Redactor | None = None,
) -> Env:
    """Return the Env of a configuration: the real network, clock and ledger.

    ``say`` prints warnings, ``keep`` writes calls into the ledger, ``paced`` wraps every attempt
    to send, ``on_idle`` is called while an answer is awaited: what it raises ends the wait,
    ``waiting`` goes around a wait for room in a budget; without it nothing waits for that;
    ``redactor`` learns its secrets, where somebody else has one already.
    """
    from loki.edge.send import make_opener, read_whole  # requests comes with it

    environ, redactor = with_vault(config, environ), redactor or Redactor()
    context = AuthContext(environ, redactor)
    opener = make_opener(redactor, credentials.make_renew(context), paced, on_idle)
    open_ = with_redaction(opener, redactor)
    env = Env(
        config=config,
        authorize=credentials.make_authorize(context),
        send=with_redaction(read_whole(open_), redactor),
        open=open_,
        now=time.time,
        clock=time.monotonic,
        patches=patches,
        redactor=redactor,
        find_schema_violation=find_schema_violation_in_time,
    )
    ledger = Ledger(ledger_path(environ), say, redactor)
    return with_ledger(env, ledger, say, keep, waiting)


def find_schema_violation_in_time(value: Json, schema: JsonObject) -> str:
    """Return where and how a value breaks a schema; a check that takes for ever is given up."""
    if is_cheap(schema):
        return find_schema_violation(value, schema)
    from loki.edge.schema_check import CHECKER

    return CHECKER.find_breach(value, schema)


def with_ledger(
    env: Env, ledger: Ledger, say: Warn, keep: bool = True, waiting: Waiting | None = None
) -> Env:
    """Return an Env that records calls in a ledger and keeps the configured budget, if any."""
    if not env.config.budget:
        return replace(env, record=ledger.record if keep else env.record)
    from loki.edge.ledger.budget import Budget

    allow_unpriced = env.config.allow_unpriced
    budget = Budget(env.config.budget, ledger, env.now, say, allow_unpriced, waiting, keep)

    def check_budget(request: Request) -> Result[Request, Problem]:
        checked = budget.check_budget(request)
        if isinstance(checked, Success):
            return checked
        from loki.stages.suggest_client import add_misspelling

        return checked.alt(partial(add_misspelling, env.config, request.target))

    return replace(env, check_budget=check_budget, record=budget.record)
