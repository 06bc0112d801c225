"""IMPURE. Setting -> its value, from the one place it names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from returns.result import Failure, Result, Success

from loki.config.setting_names import SENSITIVE
from loki.edge.auth import redaction
from loki.edge.files import process_environment
from loki.problems import Problem, fail
from loki.records import Setting

if TYPE_CHECKING:
    from subprocess import CompletedProcess, Popen

NAME = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
PATIENCE = 60  # seconds for a command that prints a secret
PAUSE = 0.05  # seconds between two looks at it
IN_TIME = "within the time for everything (total timeout)"


def look_up(setting: Setting, environ: Mapping[str, str], end: float = inf) -> Result[str, Problem]:
    """Return the value of a setting, from the one place that it names; never from another.

    A command is waited for until ``end``, on the monotonic clock.
    """
    if setting.form == "cmd":
        return by_command(setting, environ, end).map(hide)
    return FORMS[setting.form](setting, environ).map(hide)


def hide(secret: str) -> str:
    """The same secret, which is never printed from now on, nor is any line of it."""
    redaction.add(secret)
    return secret


def by_name(setting: Setting, environ: Mapping[str, str]) -> Result[str, Problem]:
    """From the vault, where it has the name, else from the environment."""
    from loki.edge.auth import vault

    name, path = setting.value, vault.vault_file(environ)

    def or_variable(secret: str | None) -> Result[str, Problem]:
        value = secret or environ.get(name)
        if value:
            return Success(value)
        where = f"no secret {name} in {path}, and " if os.path.exists(path) else ""
        return fail("auth", f"{setting.origin}: {where}no environment variable {name}")

    found = vault.find(name, environ)
    return found.alt(lambda lost: Problem("auth", f"{setting.origin}: {lost.message}")).bind(
        or_variable
    )


def by_command(
    setting: Setting, environ: Mapping[str, str], end: float = inf
) -> Result[str, Problem]:
    """Return the first line that a command prints.

    The command sees the environment of this process, and nothing of the .env file, whose secrets
    are not for it; what it needs (PASSWORD_STORE_DIR, VAULT_ADDR …) has to be exported, or be
    written into the command.
    """
    try:
        variables = process_environment(environ)
        done = run(setting.value, variables, min(end, monotonic() + PATIENCE))
    except TimeoutError:
        if monotonic() >= end:
            return fail("offline", f"{setting.origin}: the command did not end {IN_TIME}")
        return fail("auth", f"{setting.origin}: the command took over {PATIENCE} s")
    except (OSError, ValueError) as error:
        return fail("auth", f"{setting.origin}: the command cannot be run: {error}")
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = f": {said[-1]}" if said else ""
        return fail("auth", f"{setting.origin}: the command failed with {done.returncode}{reason}")
    return first_line(done.stdout, setting, "the command printed nothing")


def run(command: str, environ: Mapping[str, str], end: float) -> CompletedProcess[bytes]:
    """Return what became of a shell command; raise TimeoutError at ``end``."""
    from subprocess import DEVNULL, PIPE, Popen

    with Popen(
        command, shell=True, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environ
    ) as process:
        try:
            return outcome(process, end)
        except BaseException:
            process.kill()
            raise


def outcome(process: Popen[bytes], end: float) -> CompletedProcess[bytes]:
    """What a process printed until it ended; others may still hold its output open."""
    from subprocess import CompletedProcess, TimeoutExpired

    while monotonic() < end:
        code = process.poll()  # before reading, so that its last words are read too
        try:
            out, err = process.communicate(timeout=PAUSE)  # goes on where it was
            return CompletedProcess(process.args, process.returncode, out, err)
        except TimeoutExpired as late:
            if code is not None:
                return CompletedProcess(process.args, code, late.output or b"", late.stderr or b"")
    raise TimeoutError


def by_file(setting: Setting, environ: Mapping[str, str]) -> Result[str, Problem]:
    """The first line of a file."""
    path = os.path.expanduser(setting.value)
    try:
        with open(path, "rb") as file:
            return first_line(file.read(65536), setting, f"{path} is empty")
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        return fail("auth", f"{setting.origin}: cannot read {path}: {reason}")


def first_line(data: bytes, setting: Setting, nothing: str) -> Result[str, Problem]:
    """The first line of what was read; an empty one is no secret."""
    line = data.decode("utf-8-sig", "replace").split("\n")[0].strip()
    return Success(line) if line else Failure(Problem("auth", f"{setting.origin}: {nothing}"))


FORMS: dict[str, Callable[[Setting, Mapping[str, str]], Result[str, Problem]]] = {
    "literal": lambda setting, environ: Success(setting.value),
    "name": by_name,
    "cmd": by_command,
    "file": by_file,
}


# ---- showing without telling -----------------------------------------------------------------


def mask(name: str, value: str) -> str:
    """A header's value as it may be shown.

    >>> mask("X-Api-Key", "abc"), mask("X-Team", "{{TEAM}} a"), mask("Content-Type", "a/b")
    ('***', '*** a', 'a/b')
    """
    return "***" if SENSITIVE.search(name) else NAME.sub("***", value)
