"""Setting -> its value, from the one place that it names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from itertools import zip_longest
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from returns.result import Failure, Result, Success

from loki.config.setting_names import is_sensitive
from loki.edge.auth.auth_context import AuthContext
from loki.edge.env_file import without_env_file
from loki.edge.files import describe_os_error
from loki.edge.stdin import TooLargeError, late_file
from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import Setting
from loki.urls import is_like_a_key

if TYPE_CHECKING:
    from subprocess import CompletedProcess, Popen

NAME = r"\{\{\s*([^{}]+?)\s*\}\}"
COMMAND_TIMEOUT = 60  # seconds for a command that prints a secret
PAUSE = 0.05  # seconds between two looks at it
IN_TIME = "within the time for everything (total timeout)"


def look_up(setting: Setting, context: AuthContext, deadline: float = inf) -> Result[str, Problem]:
    """Return the value of a setting, from the one place that it names; never from another.

    A command, and a file that is a pipe, are waited for until ``deadline``, on the monotonic clock.
    """
    hide = context.redactor.hide
    if setting.source in ("cmd", "file") and is_bare_key(setting.value):
        hide(setting.value)  # else the message that it is no command or file shows it
    return FORMS[setting.source](setting, context, deadline).map(hide)


def is_bare_key(value: str) -> bool:
    """Return whether a key may have been written where its command or file is due.

    >>> is_bare_key("sk-0123456789"), is_bare_key("pass show openai-2"), is_bare_key("~/openai-1")
    (True, False, False)
    """
    return is_like_a_key(value) and re.search(r"[\s/\\]", value) is None


def read_named_secret(
    setting: Setting, context: AuthContext, deadline: float
) -> Result[str, Problem]:
    """Return the vault's secret of a name, or the environment variable where the vault has none."""
    from loki.edge.auth import vault  # only where a name is used

    name, path = setting.value, vault.vault_file(context.environ)

    def or_variable(secret: str | None) -> Result[str, Problem]:
        value = secret or context.environ.get(name)
        if value:
            return Success(value)
        where = f"{name} in {path}, and" if os.path.exists(path) else "and"
        missing = f"no secret {where} no environment variable {name}"
        cure = f"export it, or run loki --add-secret {name}"
        return fail("auth", f"{setting.origin}: {missing}: {cure}")

    secret = vault.find_secret(name, context, deadline)
    located = secret.alt(
        lambda problem: Problem(
            "offline" if problem.kind == "offline" else "auth",
            f"{setting.origin}: {problem.message}",
        )
    )
    return located.bind(or_variable)


def from_command(setting: Setting, context: AuthContext, deadline: float) -> Result[str, Problem]:
    """Return the first line that a command prints.

    The command sees the environment of this process, and nothing of the .env file, whose secrets
    are not for it; what it needs (PASSWORD_STORE_DIR, VAULT_ADDR …) has to be exported, or be
    written into the command.
    """
    try:
        variables = without_env_file(context.environ)
        done = run_command(setting.value, variables, min(deadline, monotonic() + COMMAND_TIMEOUT))
    except TimeoutError:
        if monotonic() >= deadline:
            return fail("offline", f"{setting.origin}: the command did not end {IN_TIME}")
        return fail("auth", f"{setting.origin}: the command took over {COMMAND_TIMEOUT} s")
    except (OSError, ValueError) as error:
        return fail("auth", f"{setting.origin}: the command cannot be run: {error}")
    if done.returncode:
        redactor = context.redactor
        redactor.add(done.stdout.decode("utf-8", "replace").strip())  # maybe the secret, see below
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = f": {redactor.redact(lines[-1])}" if lines else ""
        return fail("auth", f"{setting.origin}: the command failed with {done.returncode}{why}")
    return first_line(done.stdout, setting, "the command printed nothing")


def run_command(
    command: str, environ: Mapping[str, str], deadline: float
) -> CompletedProcess[bytes]:
    """Run a shell command and return its outcome; raise TimeoutError at ``deadline``."""
    from subprocess import DEVNULL, PIPE, Popen

    with Popen(
        command, shell=True, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environ
    ) as process:
        try:
            return wait_for_process(process, deadline)
        except BaseException:
            process.kill()
            raise


def wait_for_process(process: Popen[bytes], deadline: float) -> CompletedProcess[bytes]:
    """Return a process's code and output when it ends; others may still hold its output open."""
    from subprocess import CompletedProcess, TimeoutExpired

    while monotonic() < deadline:
        code = process.poll()  # before reading, so that all it wrote is read
        try:
            out, err = process.communicate(timeout=PAUSE)  # resumes reading
            return CompletedProcess(process.args, process.returncode, out, err)
        except TimeoutExpired as late:
            if code is not None:
                return CompletedProcess(process.args, code, late.output or b"", late.stderr or b"")
    raise TimeoutError


def from_file(setting: Setting, context: AuthContext, deadline: float) -> Result[str, Problem]:
    """Return the first line of a file, which may be a pipe."""
    path = os.path.expanduser(setting.value)
    try:
        return first_line(context.read_file(path, deadline), setting, f"{path} is empty")
    except TimeoutError:
        return fail("offline", f"{setting.origin}: {late_file(path, deadline)}")
    except TooLargeError as error:
        return fail("auth", f"{setting.origin}: {path} {error}")
    except (OSError, ValueError) as error:
        why = describe_os_error(error) if isinstance(error, OSError) else str(error).lower()
        return fail("auth", f"{setting.origin}: cannot read {path}: {why}")


def first_line(data: bytes, setting: Setting, if_empty: str) -> Result[str, Problem]:
    """Return the first line of what was read; fail with ``if_empty`` where it is empty."""
    line = data.decode("utf-8-sig", "replace").split("\n")[0].strip()
    return Success(line) if line else Failure(Problem("auth", f"{setting.origin}: {if_empty}"))


FORMS: dict[str, Callable[[Setting, AuthContext, float], Result[str, Problem]]] = {
    "literal": lambda setting, context, deadline: Success(setting.value),
    "name": read_named_secret,
    "cmd": from_command,
    "file": from_file,
}


# ---- in headers --------------------------------------------------------------------------------


def expand_references(
    headers: Mapping[str, str], context: AuthContext, deadline: float = inf
) -> Result[dict[str, str], Problem]:
    """Return the headers with every ``{{NAME}}`` in them looked up."""
    if not any("{{" in value for value in headers.values()):
        return Success(dict(headers))
    values = gather(expand_value(name, value, context, deadline) for name, value in headers.items())
    return values.map(lambda expanded: dict(zip(headers, expanded, strict=True)))


def expand_value(
    header: str, value: str, context: AuthContext, deadline: float
) -> Result[str, Problem]:
    """Return the value of a header with every ``{{NAME}}`` in it looked up."""
    origin = f"header {header}"
    secrets = gather(
        look_up(Setting(name, "name", origin), context, deadline)
        for name in re.findall(NAME, value)
    )
    literals = re.split(NAME, value)[::2]  # what stands between the names
    pairs = secrets.map(lambda values: zip_longest(literals, values, fillvalue=""))
    return pairs.map(lambda parts: "".join(map("".join, parts)))


def mask(name: str, value: str) -> str:
    """Return a header's value as it may be shown.

    >>> mask("X-Api-Key", "abc"), mask("X-Team", "{{TEAM}} a"), mask("Content-Type", "a/b")
    ('***', '*** a', 'a/b')
    """
    return "***" if is_sensitive(name) else re.sub(NAME, "***", value)
