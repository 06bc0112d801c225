"""The vault: --add-secret, --get-secret, --update-secret, --delete-secret, --list-secrets.

A value is typed at a terminal without being shown, else read from stdin but for one newline.
"""

from __future__ import annotations

import sys
from argparse import Namespace

from returns.result import Result, Success

from loki.cli.console import Console
from loki.cli.startup import environment
from loki.edge.auth import vault
from loki.edge.auth.auth_context import AuthContext
from loki.edge.env import read_configuration, with_vault
from loki.problems import Problem, fail
from loki.railway import fold


def add_secret(flags: Namespace, console: Console) -> int:
    """Add a secret; the first one creates the vault. Return the exit code."""
    name = flags.add_secret
    added = Result.do(
        done
        for context in open_vault(flags, console)
        for existing in vault.require_absent(name, context.environ)
        for _ in vault.require_password(existing, context)
        for value in read_value(name, flags, console)
        for done in vault.add(name, value, context, password_chooser(console))
    )
    return exit_code(added, console)


def update_secret(flags: Namespace, console: Console) -> int:
    """Change the value of a secret; return the exit code."""
    name = flags.update_secret
    updated = Result.do(
        done
        for context in open_vault(flags, console)
        for existing in vault.require_present(name, context.environ)
        for _ in vault.require_password(existing, context)
        for value in read_value(name, flags, console)
        for done in vault.update(name, value, context)
    )
    return exit_code(updated, console)


def get_secret(flags: Namespace, console: Console) -> int:
    """Print a secret and a newline; return the exit code."""
    value = open_vault(flags, console).bind(
        lambda context: vault.require_secret(flags.get_secret, context)
    )
    return exit_code(value.map(lambda value: console.write(value + "\n")), console)


def delete_secret(flags: Namespace, console: Console) -> int:
    """Delete a secret; return the exit code."""
    return exit_code(vault.delete(flags.delete_secret, environment(flags)), console)


def list_secrets(flags: Namespace, console: Console) -> int:
    """Print the names of all secrets, one a line; return the exit code."""
    names = vault.list_names(environment(flags))
    printed = names.map(lambda names: console.write("".join(f"{name}\n" for name in names)))
    return exit_code(printed, console)


def exit_code(result: Result[None, Problem], console: Console) -> int:
    """Report a failure; return the exit code."""
    return fold(result, lambda nothing: 0, console.report)


def open_vault(flags: Namespace, console: Console) -> Result[AuthContext, Problem]:
    """Return where the vault and its password file are, and who learns what is in them."""
    environ = environment(flags)
    return read_configuration(environ).map(
        lambda config: AuthContext(with_vault(config, environ), console.redactor)
    )


# ---- typing --------------------------------------------------------------------------------------


def read_value(name: str, flags: Namespace, console: Console) -> Result[str, Problem]:
    """Return a value that is typed or on stdin; fail if it is on the command line."""
    if flags.text:
        return fail("usage", "a value is not taken from the command line, where others can see it")
    if at_terminal():
        return type_hidden(f"Value of {name} (not shown): ")
    data = sys.stdin.buffer.read() if sys.stdin else b""
    try:
        return Success(data.decode().removesuffix("\n"))
    except UnicodeDecodeError as error:
        return fail("input", f"stdin is not UTF-8 text: byte {error.start}")


def password_chooser(console: Console) -> vault.ChoosePassword:
    """Return what asks for the password of a new vault; without a terminal it is random."""

    def choose(path: str) -> Result[str, Problem]:
        is_typed = at_terminal()
        password: Result[str, Problem] = type_twice(path, console) if is_typed else Success("")
        if password == Success(""):
            advice = "keep a copy, and keep it out of version control"
            console.note(f"a random password for the new vault goes into {path}: {advice}")
        return password

    return choose


def type_twice(path: str, console: Console) -> Result[str, Problem]:
    """Ask for a password twice; return it, empty for a random one."""
    console.print_stderr(f"The vault is new. Its password goes into {path}.")
    return Result.do(
        password
        for first in type_hidden("Password (not shown; enter for a random one): ")
        for second in (type_hidden("The same again: ") if first else Success(""))
        for password in (
            Success(first) if first == second else fail("input", "the two passwords differ")
        )
    )


def type_hidden(prompt: str) -> Result[str, Problem]:
    """Return what is typed, without showing it."""
    from getpass import getpass

    try:
        typed = getpass(prompt)
        typed.encode()
        return Success(typed)
    except EOFError:
        return fail("input", "nothing was typed")
    except UnicodeError:
        return fail("input", "what was typed is not UTF-8 text")


def at_terminal() -> bool:
    """Return whether stdin is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()
