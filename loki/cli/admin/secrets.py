"""loki's vault: --add-secret, --get-secret, --update-secret, --delete-secret, --list-secrets.

A value is asked for at a terminal and not shown; elsewhere it is all of stdin but one line end.
"""

from __future__ import annotations

import sys
from argparse import Namespace

from returns.result import Result, Success

from loki.cli import console
from loki.cli.startup import environment, failed
from loki.edge.auth import vault
from loki.edge.env import read
from loki.problems import Problem, fail
from loki.railway import fold
from loki.records import Config

Environ = dict[str, str]


def add_secret(prog: str, flags: Namespace) -> int:
    """A new secret; the first one makes the vault."""
    name = flags.add_secret

    def put(environ: Environ) -> Result[None, Problem]:
        value = vault.vacant(name, environ).bind(lambda free: read_value(name, flags))
        return value.bind(lambda some: vault.add(name, some, environ, chooser(prog)))

    return ended(prog, with_password(flags).bind(put))


def update_secret(prog: str, flags: Namespace) -> int:
    """Another value for a secret."""
    name = flags.update_secret

    def put(environ: Environ) -> Result[None, Problem]:
        value = vault.present(name, environ).bind(lambda held: read_value(name, flags))
        return value.bind(lambda some: vault.update(name, some, environ))

    return ended(prog, with_password(flags).bind(put))


def get_secret(prog: str, flags: Namespace) -> int:
    """Print a secret, and one line end."""
    found = with_password(flags).bind(lambda environ: vault.get(flags.get_secret, environ))
    return ended(prog, found.map(lambda value: console.out(value + "\n")))


def delete_secret(prog: str, flags: Namespace) -> int:
    """Forget a secret."""
    return ended(prog, vault.delete(flags.delete_secret, environment(flags)))


def list_secrets(prog: str, flags: Namespace) -> int:
    """The names of all secrets, one a line."""
    names = vault.names(environment(flags))
    return ended(prog, names.map(lambda each: console.out("".join(map("{}\n".format, each)))))


def ended(prog: str, done: Result[None, Problem]) -> int:
    """The exit code."""
    return fold(done, lambda nothing: 0, lambda problem: failed(prog, problem, "text"))


def with_password(flags: Namespace) -> Result[Environ, Problem]:
    """The variables in force, among them where the configuration says that the password is."""
    environ = environment(flags)

    def said(config: Config) -> Environ:
        path = config.vault_password_file
        return {**environ, "LOKI_VAULT_PASSWORD_FILE": path} if path else environ

    return read(environ).map(said)


# ---- what is typed -----------------------------------------------------------------------------


def read_value(name: str, flags: Namespace) -> Result[str, Problem]:
    """A value, from a prompt or stdin; never from the command line, which others can see."""
    if flags.text:
        return fail("usage", "a value is not taken from the command line, where others can see it")
    if at_terminal():
        return asked(f"Value of {name} (not shown): ")
    data = sys.stdin.buffer.read() if sys.stdin else b""
    try:
        return Success(data.decode().removesuffix("\n"))
    except UnicodeDecodeError as error:
        return fail("input", f"stdin is not UTF-8 text: byte {error.start}")


def chooser(prog: str) -> vault.Choose:
    """Asks for the password of a new vault, where there is somebody to ask."""

    def choose(path: str) -> Result[str, Problem]:
        word: Result[str, Problem] = asked_twice(path) if at_terminal() else Success("")
        if word == Success(""):
            advice = "keep a copy, and keep it out of version control"
            console.talk(f"{prog}: a random password for the new vault goes into {path}: {advice}")
        return word

    return choose


def asked_twice(path: str) -> Result[str, Problem]:
    """A password; nothing asks for a random one."""
    console.talk(f"The vault is new. Its password goes into {path}.")
    first = asked("Password (not shown; enter for a random one): ")

    def same(word: str) -> Result[str, Problem]:
        again = asked("The same again: ") if word else Success("")
        return again.bind(
            lambda other: Success(word) if other == word else fail("input", "the two differ")
        )

    return first.bind(same)


def asked(prompt: str) -> Result[str, Problem]:
    """What is typed, without showing it."""
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
    """Whether there is somebody to ask."""
    return sys.stdin is not None and sys.stdin.isatty()
