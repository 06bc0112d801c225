"""Name -> secret, and secret -> its line in the vault: one file, its password, its lock.

The vault is ``vault.yml`` in the config directory (LOKI_VAULT_FILE overrides). Its password is all
of another file but the line ends that close it: LOKI_VAULT_PASSWORD_FILE, which the configuration
sets as ``vault_password_file``, else ``vault_password`` in the config directory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from returns.result import Failure, Result, Success

from loki.edge import files
from loki.edge.auth.auth_context import AuthContext
from loki.edge.auth.vault_format import (
    NAME,
    NONCE,
    SALT,
    Vault,
    encrypt,
    new_vault,
    read,
    text_with_value,
    text_without_value,
    unlock,
    value_of,
)
from loki.edge.auth.vault_password import password_file, random_password, read_password
from loki.edge.files import describe_os_error
from loki.edge.stdin import within_patience
from loki.edge.trust import (
    make_private_folder,
    open_in_safe_folder,
)
from loki.problems import Problem, fail, suggest_nearest

Environ = Mapping[str, str]
#: Path of a new file -> its password, "" for any.
ChoosePassword = Callable[[str], Result[str, Problem]]

LOCK_TIMEOUT = 60  # seconds for another process that is writing


def vault_file(environ: Environ) -> str:
    """Return the path of the vault, whether it exists or not."""
    path = environ.get("LOKI_VAULT_FILE")
    return os.path.expanduser(path) if path else f"{files.directory('config', environ)}/vault.yml"


# ---- reading -----------------------------------------------------------------------------------


def find_secret(
    name: str, context: AuthContext, deadline: float = inf
) -> Result[str | None, Problem]:
    """Return a secret, None where there is no vault or no such name in it.

    Only a hit derives the key, which takes a 25th of a second. A password that comes through a pipe
    is waited for until ``deadline``, on the monotonic clock.
    """

    def get_value(vault: Vault | None) -> Result[str | None, Problem]:
        if vault is None or name not in vault.places:
            return Success(None)
        return value_in(vault, name, context, deadline)

    return load(vault_file(context.environ)).bind(get_value)


def require_secret(name: str, context: AuthContext) -> Result[str, Problem]:
    """Return a secret; fail if the vault has none of that name."""
    vault = require_present(name, context.environ)
    return vault.bind(lambda found: value_in(found, name, context))


def list_names(environ: Environ) -> Result[list[str], Problem]:
    """Return the names of all secrets; no password is needed."""
    return load(vault_file(environ)).map(lambda vault: [*vault.places] if vault else [])


def value_in(
    vault: Vault, name: str, context: AuthContext, deadline: float = inf
) -> Result[Any, Problem]:
    """Return a secret of a vault, which is redacted from now on."""
    return (
        encryption_key(vault, context, deadline)
        .bind(lambda key: value_of(vault, name, key))
        .map(context.redactor.hide)
    )


def load(path: str) -> Result[Vault | None, Problem]:
    """Return the vault of a file, None where there is no file."""
    text = files.read_text(path, "vault", open_in_safe_folder, within_patience(inf))
    if not isinstance(text, Success):
        is_absent = text.failure().kind == "missing" and not os.path.islink(path)
        return Success(None) if is_absent else Failure(files.as_config_problem(text.failure()))
    return read(text.unwrap(), path)


def require_present(name: str, environ: Environ) -> Result[Vault, Problem]:
    """Return the vault; fail if it has no secret of that name."""

    def check_name(vault: Vault | None) -> Result[Vault, Problem]:
        if vault is None:
            return fail("config", f"no secret {name!r}: there is no vault {vault_file(environ)}")
        if name not in vault.places:
            others = suggest_nearest(name, [*vault.places])
            return fail("config", f"no secret {name!r} in {vault.path}{others}")
        return Success(vault)

    return load(vault_file(environ)).bind(check_name)


def require_absent(name: str, environ: Environ) -> Result[Vault | None, Problem]:
    """Return the vault, if there is one; fail if it has a secret of that name already."""

    def check_name(vault: Vault | None) -> Result[Vault | None, Problem]:
        if vault and name in vault.places:
            fact = f"there is a secret {name!r} in {vault.path} already"
            return fail("input", f"{fact}: change it with loki --update-secret {name}")
        return Success(vault)

    if not re.fullmatch(NAME, name):
        return fail("usage", f"{name!r} cannot name a secret: use letters, digits, and _ - .")
    return load(vault_file(environ)).bind(check_name)


def require_password(vault: Vault | None, context: AuthContext) -> Result[Vault | None, Problem]:
    """Return a vault, if there is one; fail if its password is missing or wrong."""
    if vault is None:
        return Success(None)
    return encryption_key(vault, context).map(lambda key: vault)


# ---- writing -----------------------------------------------------------------------------------


def add(
    name: str, value: str, context: AuthContext, choose: ChoosePassword
) -> Result[None, Problem]:
    """Add a secret; the first one makes the vault, whose password ``choose`` returns."""

    def put() -> Result[None, Problem]:
        vault = require_absent(name, context.environ).bind(
            lambda existing: Success(existing) if existing else create(context, choose)
        )
        return vault.bind(lambda existing: set_value(existing, name, value, context))

    return check_not_empty(value, context).bind(lambda _: run_locked(context.environ, put))


def update(name: str, value: str, context: AuthContext) -> Result[None, Problem]:
    """Change the value of a secret; the same value leaves the file as it is."""

    def put() -> Result[None, Problem]:
        return require_present(name, environ).bind(
            lambda vault: set_value(vault, name, value, context)
        )

    environ = context.environ
    existing = check_not_empty(value, context).bind(lambda _: require_present(name, environ))
    return existing.bind(lambda _: run_locked(environ, put))


def delete(name: str, environ: Environ) -> Result[None, Problem]:
    """Delete a secret; no password is needed."""

    def drop() -> Result[None, Problem]:
        return require_present(name, environ).bind(
            lambda vault: write(vault.path, text_without_value(vault, name))
        )

    return require_present(name, environ).bind(lambda _: run_locked(environ, drop))


def check_not_empty(value: str, context: AuthContext) -> Result[str, Problem]:
    """Return a value, which is redacted from now on; fail if it is empty."""
    if not value:
        return fail("input", "an empty value is no secret")
    return Success(context.redactor.hide(value))


def set_value(vault: Vault, name: str, value: str, context: AuthContext) -> Result[None, Problem]:
    """Encrypt a value and write it into its line, unless it is there already."""

    def put(key: bytes) -> Result[None, Problem]:
        if name in vault.places and value_of(vault, name, key) == Success(value):
            return Success(None)
        ciphertext = encrypt(key, name, value, os.urandom(NONCE))
        return write(vault.path, text_with_value(vault, name, ciphertext))

    return encryption_key(vault, context).bind(put)


def run_locked(
    environ: Environ, change: Callable[[], Result[None, Problem]]
) -> Result[None, Problem]:
    """Change the vault under its lock, so that no other process changes it too."""
    from filelock import FileLock, Timeout

    path = os.path.realpath(vault_file(environ))
    try:
        make_private_folder(os.path.dirname(path))
        lock = FileLock(f"{path}.lock", timeout=LOCK_TIMEOUT, mode=0o600).acquire()
    except Timeout:
        return fail("busy", f"another process has held {path}.lock for {LOCK_TIMEOUT} s")
    except OSError as error:
        return fail("config", f"cannot lock {path}: {describe_os_error(error)}")
    with lock:
        return change()


def write(path: str, text: str) -> Result[None, Problem]:
    """Replace a file, or the file that a link leads to, whole or not at all."""
    try:
        files.write_private(os.path.realpath(path), text)
        return Success(None)
    except OSError as error:
        return fail("config", f"cannot write {path}: {describe_os_error(error)}; it is as it was")


# ---- the password ------------------------------------------------------------------------------


def create(context: AuthContext, choose: ChoosePassword) -> Result[Vault, Problem]:
    """Return a new vault, not yet written; write a password if there is none."""
    path, place = vault_file(context.environ), password_file(context.environ)
    if not os.path.lexists(place):
        written = choose(place).bind(
            lambda chosen: write(place, (chosen or random_password()) + "\n")
        )
        if not isinstance(written, Success):
            return Failure(written.failure())
    return read_password(context, path).bind(
        lambda password: new_vault(path, password, os.urandom(SALT), os.urandom(NONCE))
    )


def encryption_key(
    vault: Vault, context: AuthContext, deadline: float = inf
) -> Result[bytes, Problem]:
    """Return the key of a vault, derived once for each Env; fail if its password is wrong."""
    place, known = password_file(context.environ), context.vault_keys

    def check(password: bytes) -> Result[bytes, Problem]:
        lock = (password, vault.salt, vault.scrypt, vault.check)
        if lock not in known:
            known[lock] = unlock(vault, password, place)
        return known[lock]

    return read_password(context, vault.path, deadline).bind(check)
