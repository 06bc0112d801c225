"""IMPURE. Everything a pipeline needs from outside, in one record: open_env()."""

from __future__ import annotations

import time
from collections.abc import Mapping

from returns.result import Result

from loki.edge import files, secrets
from loki.pipeline import Env
from loki.problems import Problem
from loki.records import Config, Patch
from loki.stages.configure import configure


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
    path = files.config_file(environ)
    return files.read_config(path, environ).bind(
        lambda plain: configure(plain, path, environ, files.catalogue())
    )


def over(config: Config, environ: Mapping[str, str], patches: tuple[Patch, ...] = ()) -> Env:
    """The real world around a configuration."""
    from loki.edge.send import opener, whole  # requests comes with it

    open_ = opener()
    return Env(
        config=config,
        authorize=secrets.authorize(environ),
        send=whole(open_),
        open=open_,
        now=time.time,
        clock=time.monotonic,
        patches=patches,
    )
