"""The password of the vault: made once, read from its owner's file or through a pipe."""

from __future__ import annotations

import os
from math import inf
from shlex import quote
from stat import S_ISDIR

from returns.result import Result, Success

from loki.edge.auth.auth_context import AuthContext
from loki.edge.files import Environ, describe_os_error, directory
from loki.edge.stdin import TooLargeError, late_file
from loki.edge.trust import UntrustedFileError, open_checked, require_safe_file_and_folder
from loki.problems import Problem, fail


def random_password() -> str:
    """Return a password of 256 random bits."""
    from secrets import token_urlsafe

    return token_urlsafe(32)


def password_file(environ: Environ) -> str:
    """Return the path of the file with the vault's password, whether it exists or not."""
    path = environ.get("LOKI_VAULT_PASSWORD_FILE")
    return os.path.expanduser(path) if path else f"{directory('config', environ)}/vault_password"


def explain_absence(environ: Environ) -> str:
    """Return that the password's file is not there, and what says where it is."""
    path, made = password_file(environ), new_password_file(environ)
    where = f": perhaps {made}" if made != path and os.path.lexists(made) else ""
    setting = f"vault_password_file in the configuration says where it is{where}"
    return f"its password file {path} is not there; {setting}"


def new_password_file(environ: Environ) -> str:
    """Return where ``loki --init`` wants the password of a new vault: not beside the vault."""
    return f"{directory('state', environ)}/vault_password"


def read_password(
    context: AuthContext, vault: str, deadline: float = inf
) -> Result[bytes, Problem]:
    """Return the password, from a file that only its owner may read; ``vault`` is for messages."""
    path = password_file(context.environ)
    fact = f"the vault {vault} is locked"
    try:
        password = context.read_file(path, deadline, open_password_file).rstrip(b"\r\n")
    except UntrustedFileError as error:
        return fail("auth", str(error))
    except TimeoutError:
        return fail("offline", f"{fact}: its password file {late_file(path, deadline)}")
    except TooLargeError as error:
        return fail("auth", f"{fact}: its password file {path} {error}")
    except FileNotFoundError:
        return fail("auth", f"{fact}: {explain_absence(context.environ)}")
    except OSError as error:
        return fail("auth", f"{fact}: cannot read {path}: {describe_os_error(error)}")
    if not password:
        return fail("auth", f"{fact}: its password file {path} is empty")
    context.redactor.add(password.decode(errors="replace"))
    return Success(password)


def open_password_file(path: str, flags: int) -> int:
    """Open a file that others can neither read, write nor replace; raise UntrustedFileError."""
    return open_checked(path, flags, require_private)


def require_private(path: str, status: os.stat_result) -> None:
    """Raise UntrustedFileError if others can read or write a file; a folder is no file anyway."""
    if os.name != "posix" or S_ISDIR(status.st_mode):
        return
    if status.st_mode & 0o077:
        raise UntrustedFileError(f"others can read the vault's password: chmod 600 {quote(path)}")
    require_safe_file_and_folder(path, status)
