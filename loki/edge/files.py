"""Find and read the user's files: configuration, .env, catalogue, cache."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from math import inf

from returns.result import Result, Success

from loki.edge.stdin import MAX_TEXT, NOT_IN_TIME, Opener, TooLargeError, read_file
from loki.edge.trust import (
    UntrustedFileError,
    make_private_folder,
    open_cache_file,
    require_cache_folder,
    warn_untrusted,
)
from loki.problems import Kind, Problem, fail

Environ = Mapping[str, str]


def directory(kind: str, environ: Environ) -> str:
    """Return the user's folder for config, cache or state; LOKI_<KIND>_DIR overrides it."""
    path = environ.get(f"LOKI_{kind.upper()}_DIR")
    if path:
        return os.path.expanduser(path)
    base = base_folder(kind, environ) if sys.platform == "linux" else ""
    if os.path.isabs(base):
        return os.path.join(base, "loki")  # as platformdirs would say, which takes 2 ms to load
    import platformdirs

    return str(getattr(platformdirs, f"user_{kind}_dir")("loki", appauthor=False))


def base_folder(kind: str, environ: Environ) -> str:
    """Return the folder of such folders on Linux, by XDG's variable or another home; else nothing.

    The process's own variable goes with its own home: an environment with another has none of it.
    """
    name, home = f"XDG_{kind.upper()}_HOME", environ.get("HOME", "")
    if name in environ or (home and home != os.environ.get("HOME")):
        folder = os.path.join(home, BASES[kind]) if os.path.isabs(home) else ""
        return environ.get(name) or folder
    return os.environ.get(name, "")


#: Folders of a home on Linux where XDG's variables name no others.
BASES = {"config": ".config", "cache": ".cache", "state": ".local/state"}


def config_file(environ: Environ) -> str:
    """Return the path of the configuration, whether it exists or not."""
    path = environ.get("LOKI_CONFIG_FILE")
    return os.path.expanduser(path) if path else f"{directory('config', environ)}/config.yaml"


def env_file(environ: Environ) -> str:
    """Return the path of the .env file, whether it exists or not."""
    path = environ.get("LOKI_ENV_FILE")
    return os.path.expanduser(path) if path else f"{directory('config', environ)}/.env"


def read_text(
    path: str,
    what: str,
    opener: Opener | None = None,
    deadline: float = inf,
    limit: int = MAX_TEXT,
) -> Result[str, Problem]:
    """Return the text of a UTF-8 file; the arguments are those of ``read_bytes``."""
    return read_bytes(path, what, opener, deadline, limit).bind(lambda data: decode(data, path))


def read_bytes(
    path: str,
    what: str,
    opener: Opener | None = None,
    deadline: float = inf,
    limit: int = MAX_TEXT,
) -> Result[bytes, Problem]:
    """Return the bytes of a file that a user named; ``what`` names its purpose in messages.

    ``opener`` is for files that nobody else may have written; a pipe is waited for until then,
    on the monotonic clock; more than ``limit`` bytes are refused.
    """
    try:
        return Success(read_file(path, opener, deadline, limit))
    except UntrustedFileError as error:
        return fail("config", str(error))
    except TooLargeError as error:
        return fail("input", f"{what}: {path} {error}")
    except TimeoutError:
        return fail("offline", f"{what}: {path} {NOT_IN_TIME}")
    except FileNotFoundError:
        return fail("missing", f"{what}: no file {path}")
    except ValueError:  # a NUL, or half of a surrogate pair
        return fail("input", f"{what}: no file can be named {path!r}")
    except OSError as error:
        kind: Kind = "missing" if isinstance(error, NotADirectoryError) else "input"
        return fail(kind, f"{what}: cannot read {path}: {describe_os_error(error)}")


def describe_os_error(error: OSError) -> str:
    """Return the operating system's reason of an error, in lower case.

    >>> describe_os_error(PermissionError(13, "Permission denied"))
    'permission denied'
    """
    return (error.strerror or str(error)).lower()


def decode(data: bytes, name: str) -> Result[str, Problem]:
    """Decode UTF-8 text; fail on binary data, naming the first bad byte.

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


def as_config_problem(problem: Problem) -> Problem:
    """Return a problem of reading a file as one of kind config, without the hint to attach it."""
    return Problem("config", strip_hint(problem).message)


def strip_hint(problem: Problem) -> Problem:
    """Return a problem of reading a file without the hint to attach it.

    >>> strip_hint(Problem("input", "a.json is binary: byte 0 is 0; attach it with -f")).message
    'a.json is binary: byte 0 is 0'
    """
    message = problem.message.partition("; attach")[0].partition(", attach")[0]
    return Problem(problem.kind, message)


def write_cache(path: str, text: str) -> None:
    """Write a cache file that ``open_trusted`` will open; raise OSError."""
    require_cache_folder(path)
    write_private(path, text)


def write_private(path: str, text: str) -> None:
    """Write a file atomically, with mode 0600; raise OSError."""
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


# ---- the catalogue ---------------------------------------------------------------------------


def synced_catalogue_file(environ: Environ) -> str:
    """Return the path where --sync-models stores a newer catalogue of models."""
    return f"{directory('cache', environ)}/models.json"


def read_catalogue(environ: Environ = os.environ) -> str:
    """Return the text of the catalogue of models: the built-in one, or a newer synced one."""
    builtin = read_data("models.json")
    try:
        with open(synced_catalogue_file(environ), encoding="utf-8", opener=open_cache_file) as file:
            head = file.read(DATED)  # {, newline, "date": "2026-11-22
            synced = head + file.read() if head > builtin[:DATED] else ""
    except UntrustedFileError as error:
        warn_untrusted(str(error))
        return builtin
    except (OSError, ValueError):
        return builtin
    is_whole = synced[:11] == builtin[:11] and synced.endswith("}\n}\n}\n")
    return synced if is_whole else builtin


def read_families() -> str:
    """Return the text of the built-in families of models."""
    return read_data("families.json")


def read_data(name: str) -> str:
    """Return the text of a file that comes with loki."""
    with open(packaged_file(name), encoding="utf-8") as file:
        return file.read()


def packaged_file(name: str) -> str:
    """Return the path of a file that comes with loki."""
    import loki

    return os.path.join(os.path.dirname(loki.__file__), "data", name)


#: How far into a catalogue its date goes.
DATED = 21
