"""IMPURE. Everything a pipeline needs from outside, in one record: open_env()."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from returns.result import Result

from loki.config.read import configure
from loki.edge import files
from loki.edge.auth import credentials
from loki.edge.auth.aws_region import with_regions
from loki.edge.auth.redact import discreet
from loki.edge.ledger.writer import Ledger, Say, path_of
from loki.pipeline import Env
from loki.problems import Problem, fail
from loki.records import Config, Patch

if TYPE_CHECKING:
    from loki.edge.http.attempt import Attempt


def logged(words: str) -> None:
    """A warning where no command tells it: to the log named loki."""
    from logging import getLogger

    getLogger("loki").warning(words)


def open_env(
    config_file: str | None = None,
    environ: Mapping[str, str] | None = None,
    patches: tuple[Patch, ...] = (),
) -> Result[Env, Problem]:
    """The user's configuration and this machine.

    ``config_file`` and ``environ`` stand in for the usual file and for os.environ with its .env.
    Fails with kind config if the configuration is wrong.
    """
    variables = files.environment() if environ is None else environ
    if config_file is not None:
        variables = {**variables, "LOKI_CONFIG_FILE": config_file}
    return read(variables).map(lambda config: over(config, variables, patches))


def read(environ: Mapping[str, str]) -> Result[Config, Problem]:
    """The configuration that some variables lead to."""
    if files.REFUSED in environ:
        return fail("config", environ[files.REFUSED])
    path = files.config_file(environ)
    plain = files.read_config(path, environ)
    config = plain.bind(lambda plain: configure(plain, path, environ, files.catalogue(environ)))
    return config.map(lambda config: with_regions(config, environ))


def with_vault(config: Config, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables, with where the vault's password is."""
    said = config.vault_password_file
    return {**environ, "LOKI_VAULT_PASSWORD_FILE": said} if said else environ


def over(
    config: Config,
    environ: Mapping[str, str],
    patches: tuple[Patch, ...] = (),
    say: Say = logged,
    keep: bool = True,
    paced: Callable[[Attempt], Attempt] = lambda attempt: attempt,
    on_idle: Callable[[], None] | None = None,
) -> Env:
    """Return the real world around a configuration.

    ``say`` warns, ``keep`` writes into the ledger, ``paced`` goes around every attempt to send,
    ``on_idle`` is called while an answer is waited for: what it raises ends the wait.
    """
    from loki.edge.send import opener, whole  # requests comes with it

    environ = with_vault(config, environ)
    issued: set[str] = set()  # tokens that authorize got, which renew may replace
    open_ = discreet(opener(credentials.renew(environ, issued), paced, on_idle))
    env = Env(
        config=config,
        authorize=credentials.authorize(environ, issued),
        send=discreet(whole(open_)),
        open=open_,
        now=time.time,
        clock=time.monotonic,
        patches=patches,
    )
    return within_budget(env, Ledger(path_of(environ), say), say, keep)


def within_budget(env: Env, ledger: Ledger, say: Say, keep: bool = True) -> Env:
    """The same, with its calls in a ledger and, where one is set, within the budget."""
    record = ledger.record if keep else env.record
    if not env.config.budget:
        return replace(env, record=record)
    from loki.edge.ledger.budget import Budget

    allow_unpriced = env.config.allow_unpriced
    budget = Budget(env.config.budget, ledger, env.now, record, say, allow_unpriced)
    return replace(env, afford=budget.afford, record=budget.record)
