"""Speaker: a command that asks, as those see it who let it ask several times."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from returns.result import Result

from loki.cli.console import Console
from loki.pipeline import Env
from loki.problems import Problem
from loki.records import Ask, Json
from loki.replies import Reply, Stream


class AskModels(Protocol):
    """Asks the model, then each fallback."""

    def __call__(
        self, env: Env, ask: Ask, hear: Callable[[Stream], Stream]
    ) -> Result[Reply, Problem]:
        """Return the reply; what comes of it passes through ``hear``."""


class Speaker(NamedTuple):
    """A command that asks: its flags and streams, and what it does with one answer."""

    flags: Namespace
    environ: Mapping[str, str]
    console: Console
    ask_models: AskModels
    complete: Callable[[Ask, Reply], Result[tuple[Reply, Json], Problem]]  # checked, as printed
    finish: Callable[[Reply, Json], None]  # prints the end of it
    warn: Callable[[Reply, Namespace, Console], None]
