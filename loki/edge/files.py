"""IMPURE. Where files are, and what is in them: configuration, .env, catalogue, cache."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from errno import EPERM
from hashlib import sha256
from stat import S_IWGRP, S_IWOTH

from returns.result import Result, Success

from loki import __version__
from loki.edge.trust import UntrustedFileError, make_private_folder, open_own, require_own
from loki.problems import Kind, Problem, fail
from loki.records import JsonObject

Environ = Mapping[str, str]
Opener = Callable[[str, int], int]  # as ``open`` takes it: a path, flags -> a handle


def directory(kind: str, environ: Environ) -> str:
    """The user's folder for config, cache or state; LOKI_<KIND>_DIR overrides."""
    said = environ.get(f"LOKI_{kind.upper()}_DIR")
    if said:
        return os.path.expanduser(said)
    import platformdirs

    return str(getattr(platformdirs, f"user_{kind}_dir")("loki", appauthor=False))


def config_file(environ: Environ) -> str:
    """The path of the configuration, whether it exists or not."""
    said = environ.get("LOKI_CONFIG_FILE")
    return os.path.expanduser(said) if said else f"{directory('config', environ)}/config.yaml"


def env_file(environ: Environ) -> str:
    """The path of the .env file, whether it exists or not."""
    said = environ.get("LOKI_ENV_FILE")
    return os.path.expanduser(said) if said else f"{directory('config', environ)}/.env"


def environment() -> dict[str, str]:
    """Return the variables of this process, and under them those of the .env file.

    Which of them came from the file only is kept with them, under the name ``ADDED``: the mapping
    is copied and added to on its way, and whoever starts other programs has to know. A file that
    another user may have written gives nothing but the name ``REFUSED``, with the reason, on which
    ``edge.env.read`` fails.
    """
    os.environ.pop(REFUSED, None)  # of an earlier call
    path = env_file(os.environ)
    try:
        with open(path, encoding="utf-8-sig", errors="replace", opener=open_own) as file:
            said = read_env(file.read())
    except UntrustedFileError as error:
        return {**os.environ, REFUSED: str(error)}
    except OSError:
        return dict(os.environ)
    added = {*os.environ.get(ADDED, "").split(), *(said.keys() - os.environ.keys())}
    return {**said, **os.environ, **({ADDED: " ".join(sorted(added))} if added else {})}


#: The variable that names the variables which are in the .env file only.
ADDED = "LOKI_ADDED_BY_ENV_FILE"
#: The variable that says why the .env file is not used.
REFUSED = "LOKI_ENV_FILE_REFUSED"


def process_environment(environ: Environ) -> dict[str, str]:
    """Return the variables that other programs may see: the process's own, none of the .env file.

    >>> process_environment({"HOME": "/root", "KEY": "k", "LOKI_ADDED_BY_ENV_FILE": "KEY"})
    {'HOME': '/root'}
    """
    added = {ADDED, *environ.get(ADDED, "").split()}
    return {name: value for name, value in environ.items() if name not in added}


def read_env(text: str) -> dict[str, str]:
    """The variables of a .env file.

    >>> read_env("# keys\\nexport A='b c'\\nD = e # tail\\nF=\\n")
    {'A': 'b c', 'D': 'e', 'F': ''}
    """
    found: dict[str, str] = {}
    for match in ENV_LINE.finditer(text.removeprefix("\ufeff").replace("\r\n", "\n")):
        name, double, single, plain = match.groups()
        found[name] = next((each for each in (double, single, plain) if each is not None), "")
    return found


ENV_LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*
    (?:"([^"]*)"|'([^']*)'|((?!\#)[^\s].*?)?)
    [ \t]*(?:(?<=[ \t=])\#.*)?$""",
    re.MULTILINE | re.VERBOSE,
)


def read_text(path: str, what: str, opener: Opener | None = None) -> Result[str, Problem]:
    """A text file in UTF-8; ``what`` names it in messages."""
    return read_bytes(path, what, opener).bind(lambda data: decode(data, path))


def read_bytes(path: str, what: str, opener: Opener | None = None) -> Result[bytes, Problem]:
    """A file that a user named; ``opener`` is for files that others must not have written."""
    try:
        with open(path, "rb", opener=opener) as file:
            return Success(file.read())
    except UntrustedFileError as error:
        return fail("config", str(error))
    except FileNotFoundError:
        return fail("missing", f"{what}: no file {path}")
    except ValueError:  # a NUL, or half of a surrogate pair
        return fail("input", f"{what}: no file can be named {path!r}")
    except OSError as error:
        kind: Kind = "missing" if isinstance(error, NotADirectoryError) else "input"
        return fail(kind, f"{what}: cannot read {path}: {reason(error)}")


def reason(error: OSError) -> str:
    """Why the system will not, in its own words.

    >>> reason(PermissionError(13, "Permission denied"))
    'permission denied'
    """
    return (error.strerror or str(error)).lower()


def decode(data: bytes, name: str) -> Result[str, Problem]:
    """Text in UTF-8, which most binary data is not.

    >>> decode(b"\\x89PNG", "stdin").failure().message
    'stdin is not UTF-8 text: byte 0 is 0x89; attach other data with -f'
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte {error.start} is 0x{data[error.start]:02x}"
        return fail("input", f"{name} is not UTF-8 text: {byte}; attach other data with -f")
    if "\0" in text:
        return fail("input", f"{name} is binary: byte {data.index(0)} is 0; attach it with -f")
    return Success(text)


# ---- the configuration -----------------------------------------------------------------------


def read_config(path: str, environ: Environ) -> Result[JsonObject | None, Problem]:
    """The configuration's plain values; None where there is no file."""
    try:
        stat = os.stat(path)
        require_own(path, stat)
    except UntrustedFileError as error:
        return fail("config", str(error))
    except OSError:
        if environ.get("LOKI_CONFIG_FILE"):
            return fail("config", f"no configuration file {path}")
        return Success(None)
    key = [path, stat.st_size, stat.st_mtime_ns, __version__]
    cache = f"{directory('cache', environ)}/config-{sha256(path.encode()).hexdigest()[:16]}.json"
    kept = read_cache(cache, key)
    if kept is not None:
        return Success(kept)
    from loki.config.load import load  # with all that reads YAML

    text = read_text(path, "configuration", open_own)
    plain = text.alt(as_config).bind(lambda words: load(words, path))
    return plain.map(lambda values: keep(cache, key, values))


def as_config(problem: Problem) -> Problem:
    """Whatever keeps a configuration from being read is a problem of the configuration."""
    return Problem("config", problem.message.partition("; attach")[0].partition(", attach")[0])


def read_cache(path: str, key: list[object]) -> JsonObject | None:
    """Return what was made of this very file before.

    None if it has changed since, or if another user may have written what is kept.
    """
    try:
        with open(path, encoding="utf-8", opener=open_trusted) as file:
            match json.load(file):
                case {"key": kept, "plain": dict(plain)} if kept == key and is_plain(plain):
                    return plain
    except (OSError, ValueError, RecursionError):
        pass
    return None


def is_plain(plain: JsonObject) -> bool:
    """Whether kept values have the shape of a configuration, whoever wrote them."""
    clients = plain.get("clients", [])
    return isinstance(clients, list) and all(
        isinstance(client, dict) and isinstance(client.get("type"), str) for client in clients
    )


def keep(path: str, key: list[object], plain: JsonObject) -> JsonObject:
    """Put parsed values aside for the next time; where a secret stands in them, never."""
    from loki.config.load import has_literal_secret

    try:
        if has_literal_secret(plain):
            require_own_folder(path)
            os.unlink(path)
        else:
            write_cache(path, json.dumps({"key": key, "plain": plain}))
    except OSError:
        pass  # only slower next time
    return plain


def write_cache(path: str, text: str) -> None:
    """Write a file of the cache that ``open_trusted`` will open; raises OSError."""
    require_own_folder(path)
    write_private(path, text)


def write_private(path: str, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    import tempfile

    folder = os.path.dirname(path)
    make_private_folder(folder)
    handle, draft = tempfile.mkstemp(dir=folder, prefix=".loki-")  # made with mode 0600
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # what replaces a file is there before it does
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


# ---- files that others may have written ------------------------------------------------------


def open_trusted(path: str, flags: int) -> int:
    """Open a file for ``open(opener=…)`` if nobody but the user and root can have written it.

    Its folder is looked at as well: who can write there can put a file there. A symbolic link is
    not followed. Raises OSError.
    """
    require_own_folder(path)
    handle = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))
    if is_own(os.fstat(handle)):
        return handle
    os.close(handle)
    raise PermissionError(EPERM, "another user can write it")


def require_own_folder(path: str) -> None:
    """Raise PermissionError if another user can write the folder that a file is to be in."""
    folder = os.path.dirname(path)
    if os.path.exists(folder) and not is_own(os.stat(folder)):
        raise PermissionError(EPERM, "another user can write its folder")


def is_own(status: os.stat_result) -> bool:
    """Return whether only the user and root can write a file or a folder.

    A group that can write it has to be the user's own, without any other member.
    """
    if os.name != "posix":
        return True
    if status.st_uid not in (0, os.geteuid()) or status.st_mode & S_IWOTH:
        return False
    return not status.st_mode & S_IWGRP or is_own_group(status.st_gid)


def is_own_group(gid: int) -> bool:
    """Return whether a group is the user's private one: the first group, and of the same name."""
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    own = user.pw_gid == gid and user.pw_name == group.gr_name
    return own and set(group.gr_mem) <= {user.pw_name}


# ---- the catalogue ---------------------------------------------------------------------------


def synced_file(environ: Environ) -> str:
    """Where --sync-models puts a newer catalogue of models."""
    return f"{directory('cache', environ)}/models.json"


def catalogue(environ: Environ = os.environ) -> str:
    """The text of the catalogue of models: the built-in one, or a newer one that was synced."""
    import loki

    path = os.path.join(os.path.dirname(loki.__file__), "data", "models.json")
    with open(path, encoding="utf-8") as file:
        ours = file.read()
    try:
        with open(synced_file(environ), encoding="utf-8", opener=open_trusted) as file:
            head = file.read(DATED)  # {, newline, "date": "2026-11-22
            theirs = head + file.read() if head > ours[:DATED] else ""
    except (OSError, ValueError):
        return ours
    return theirs if theirs[:11] == ours[:11] and theirs.endswith("}\n}\n}\n") else ours


#: How far into a catalogue its date goes.
DATED = 21
