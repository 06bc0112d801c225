"""IMPURE. Name -> secret, and secret -> its line in the vault: one file, its password, its lock.

The vault is ``vault.yml`` in the config directory (LOKI_VAULT_FILE overrides). Its password is all
of another file but the line ends that close it: LOKI_VAULT_PASSWORD_FILE, which the configuration
sets as ``vault_password_file``, else ``vault_password`` in the config directory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from shlex import quote
from stat import S_ISDIR
from typing import Any

from returns.result import Failure, Result, Success

from loki.edge import files
from loki.edge.auth.redaction import hide
from loki.edge.auth.vault_format import (
    NAME,
    NONCE,
    SALT,
    Vault,
    fresh,
    read,
    sealed,
    unlocked,
    value_of,
    with_value,
    without,
)
from loki.edge.files import reason
from loki.edge.trust import UntrustedFileError, make_private_folder, open_own, require_own
from loki.problems import Problem, fail, nearest

Environ = Mapping[str, str]
Choose = Callable[[str], Result[str, Problem]]  # a password for this new file, "" for any

PATIENCE = 60  # seconds for another process that is writing


def vault_file(environ: Environ) -> str:
    """The path of the vault, whether it exists or not."""
    said = environ.get("LOKI_VAULT_FILE")
    return os.path.expanduser(said) if said else f"{files.directory('config', environ)}/vault.yml"


def password_file(environ: Environ) -> str:
    """The path of the file with the vault's password, whether it exists or not."""
    said = environ.get("LOKI_VAULT_PASSWORD_FILE")
    if said:
        return os.path.expanduser(said)
    return f"{files.directory('config', environ)}/vault_password"


# ---- reading -----------------------------------------------------------------------------------


def find(name: str, environ: Environ) -> Result[str | None, Problem]:
    """A secret, None where there is no vault or none of that name; only a hit costs a key."""

    def value(vault: Vault | None) -> Result[str | None, Problem]:
        return value_in(vault, name, environ) if vault and name in vault.places else Success(None)

    return load(vault_file(environ)).bind(value)


def get(name: str, environ: Environ) -> Result[str, Problem]:
    """A secret that must be there."""
    return present(name, environ).bind(lambda vault: value_in(vault, name, environ))


def names(environ: Environ) -> Result[list[str], Problem]:
    """The names of all secrets, which need no password."""
    return load(vault_file(environ)).map(lambda vault: [*vault.places] if vault else [])


def value_in(vault: Vault, name: str, environ: Environ) -> Result[Any, Problem]:
    """A secret of a vault; from now on it is never printed."""
    found = key_of(vault, environ).bind(lambda key: value_of(vault, name, key))
    return found.map(hide)


def load(path: str) -> Result[Vault | None, Problem]:
    """The vault of a file, None where there is no file."""
    text = files.read_text(path, "vault", open_own)
    if not isinstance(text, Success):
        absent = text.failure().kind == "missing" and not os.path.islink(path)
        return Success(None) if absent else Failure(files.as_config(text.failure()))
    return read(text.unwrap(), path)


def present(name: str, environ: Environ) -> Result[Vault, Problem]:
    """The vault, if it holds a name."""

    def holding(vault: Vault | None) -> Result[Vault, Problem]:
        if vault is None:
            return fail("config", f"no secret {name!r}: there is no vault {vault_file(environ)}")
        if name not in vault.places:
            others = nearest(name, [*vault.places])
            return fail("config", f"no secret {name!r} in {vault.path}{others}")
        return Success(vault)

    return load(vault_file(environ)).bind(holding)


def vacant(name: str, environ: Environ) -> Result[Vault | None, Problem]:
    """The vault, if there is one, where it has room for a new name."""

    def lacking(vault: Vault | None) -> Result[Vault | None, Problem]:
        if vault and name in vault.places:
            what = f"there is a secret {name!r} in {vault.path} already"
            return fail("input", f"{what}: change it with loki --update-secret {name}")
        return Success(vault)

    if not re.fullmatch(NAME, name):
        return fail("usage", f"{name!r} cannot name a secret: use letters, digits, and _ - .")
    return load(vault_file(environ)).bind(lacking)


# ---- writing -----------------------------------------------------------------------------------


def add(name: str, value: str, environ: Environ, choose: Choose) -> Result[None, Problem]:
    """A new secret; the first one makes the vault, and ``choose`` its password."""

    def put() -> Result[None, Problem]:
        vault = vacant(name, environ).bind(
            lambda there: Success(there) if there else create(environ, choose)
        )
        return vault.bind(lambda there: seal(there, name, value, environ))

    return filled(value).bind(lambda some: alone(environ, put))


def update(name: str, value: str, environ: Environ) -> Result[None, Problem]:
    """Another value for a secret; the same value leaves the file as it is."""

    def put() -> Result[None, Problem]:
        return present(name, environ).bind(lambda vault: seal(vault, name, value, environ))

    there = filled(value).bind(lambda some: present(name, environ))
    return there.bind(lambda vault: alone(environ, put))


def delete(name: str, environ: Environ) -> Result[None, Problem]:
    """Forget a secret, which needs no password."""

    def drop() -> Result[None, Problem]:
        return present(name, environ).bind(lambda vault: write(vault.path, without(vault, name)))

    return present(name, environ).bind(lambda vault: alone(environ, drop))


def filled(value: str) -> Result[str, Problem]:
    """A value that is one."""
    return Success(hide(value)) if value else fail("input", "an empty value is no secret")


def seal(vault: Vault, name: str, value: str, environ: Environ) -> Result[None, Problem]:
    """Write a value into its line, unless it stands there."""

    def put(key: bytes) -> Result[None, Problem]:
        if name in vault.places and value_of(vault, name, key) == Success(value):
            return Success(None)
        token = sealed(key, name, value, os.urandom(NONCE))
        return write(vault.path, with_value(vault, name, token))

    return key_of(vault, environ).bind(put)


def alone(environ: Environ, change: Callable[[], Result[None, Problem]]) -> Result[None, Problem]:
    """Change the vault while no other process does."""
    from filelock import FileLock, Timeout

    path = os.path.realpath(vault_file(environ))
    try:
        make_private_folder(os.path.dirname(path))
        held = FileLock(f"{path}.lock", timeout=PATIENCE, mode=0o600).acquire()
    except Timeout:
        return fail("busy", f"another process has held {path}.lock for {PATIENCE} s")
    except OSError as error:
        return fail("config", f"cannot lock {path}: {reason(error)}")
    with held:
        return change()


def write(path: str, text: str) -> Result[None, Problem]:
    """Put a text in the place of a file, or of the file that a link leads to."""
    try:
        files.write_private(os.path.realpath(path), text)
        return Success(None)
    except OSError as error:
        return fail("config", f"cannot write {path}: {reason(error)}; it is as it was")


# ---- the password ------------------------------------------------------------------------------


def create(environ: Environ, choose: Choose) -> Result[Vault, Problem]:
    """A vault without secrets, not yet written; and a password if there is none."""
    path, place = vault_file(environ), password_file(environ)
    if not os.path.lexists(place):
        made = choose(place).bind(lambda word: write(place, (word or any_password()) + "\n"))
        if not isinstance(made, Success):
            return Failure(made.failure())
    return read_password(environ, path).bind(
        lambda word: fresh(path, word, os.urandom(SALT), os.urandom(NONCE))
    )


def any_password() -> str:
    """A strong password: 256 bits of chance."""
    from secrets import token_urlsafe

    return token_urlsafe(32)


def key_of(vault: Vault, environ: Environ) -> Result[bytes, Problem]:
    """The key of a vault."""
    place = password_file(environ)
    return read_password(environ, vault.path).bind(lambda word: unlocked(vault, word, place))


def read_password(environ: Environ, vault: str) -> Result[bytes, Problem]:
    """Return the password, from a file that only its owner may read; ``vault`` is for messages."""
    path = password_file(environ)
    locked = f"the vault {vault} is locked"
    try:
        with open(path, "rb", opener=open_private) as file:
            password = file.read().rstrip(b"\r\n")
    except UntrustedFileError as error:
        return fail("auth", str(error))
    except FileNotFoundError:
        return fail("auth", f"{locked}: its password file {path} is not there")
    except OSError as error:
        return fail("auth", f"{locked}: cannot read {path}: {reason(error)}")
    if not password:
        return fail("auth", f"{locked}: its password file {path} is empty")
    hide(password.decode(errors="replace"))
    return Success(password)


def open_private(path: str, flags: int) -> int:
    """Open a file that others can neither read nor write; raise UntrustedFileError."""
    handle = os.open(path, flags)
    try:
        require_private(path, os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return handle


def require_private(path: str, status: os.stat_result) -> None:
    """Raise UntrustedFileError if others can read or write a file; a folder is no file anyway."""
    if os.name != "posix" or S_ISDIR(status.st_mode):
        return
    if status.st_mode & 0o077:
        raise UntrustedFileError(f"others can read the vault's password: chmod 600 {quote(path)}")
    require_own(path, status)
