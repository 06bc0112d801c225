"""A configuration file -> its plain values, of which a cache remembers all but the secrets.

To parse YAML takes longer than all else that a command does before it sends. The cache holds no
literal secret, nor a hash of one: it holds where in the file each stands, and the secret is read
from there for as long as the file is the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from returns.result import Result, Success

from loki.edge.env_file import CONFIG_TEXT, REFUSED
from loki.edge.files import (
    Environ,
    as_config_problem,
    config_file,
    decode,
    directory,
    read_bytes,
    write_cache,
)
from loki.edge.stdin import is_pipe, late_file, within_patience
from loki.edge.trust import (
    UntrustedFileError,
    open_cache_file,
    open_in_safe_folder,
    require_cache_folder,
    require_safe_file_and_folder,
    warn_untrusted,
)
from loki.json_text import JsonObject
from loki.problems import Problem, fail
from loki.version import __version__


def read_config(path: str, environ: Environ) -> Result[JsonObject | None, Problem]:
    """Return the plain values of a configuration, None where there is no file."""
    if CONFIG_TEXT in environ:
        return parse(environ[CONFIG_TEXT], path)
    if is_pipe(path):
        return read_pipe(path, None).bind(lambda text: parse(text, path))
    try:
        status = os.stat(path)
        require_safe_file_and_folder(path, status)
    except UntrustedFileError as error:
        return fail("config", str(error))
    except OSError:
        if environ.get("LOKI_CONFIG_FILE"):
            return fail("config", f"no configuration file {path}")
        return Success(None)
    name = sha256(path.encode()).hexdigest()[:16]
    cache = f"{directory('cache', environ)}/config-{name}.json"
    cached = read_cache(cache, path, status)
    return parse_and_cache(path, cache, status) if cached is None else Success(cached)


def with_piped_config(environ: dict[str, str], deadline: float) -> dict[str, str]:
    """Return variables with the text of the configuration where it is a pipe: it gives it once.

    It is waited for until ``deadline``, on the monotonic clock; ``refusal`` says if it never came.
    """
    path = config_file(environ)
    if REFUSED in environ or not is_pipe(path):
        return environ
    text = read_pipe(path, deadline)
    if isinstance(text, Success):
        return {**environ, CONFIG_TEXT: text.unwrap()}
    problem = text.failure()
    return {**environ, REFUSED: f"{problem.kind}: {problem.message}"}


def read_pipe(path: str, deadline: float | None) -> Result[str, Problem]:
    """Return the text of a configuration that comes through a pipe."""
    data = read_bytes(path, "configuration", open_in_safe_folder, within_patience(deadline))
    return data.bind(lambda data: decode(data, path)).alt(
        lambda problem: (
            Problem("offline", f"configuration: {late_file(path, deadline)}")
            if problem.kind == "offline"
            else as_config_problem(problem)
        )
    )


def parse(text: str, path: str) -> Result[JsonObject, Problem]:
    """Return the plain values of a text."""
    from loki.config.parse_config import parse_config  # with all that reads YAML

    return parse_config(text, path)


def file_key(path: str, status: os.stat_result) -> list[object]:
    """Return what is another after a file has changed, and in another version of loki."""
    return [path, status.st_size, status.st_mtime_ns, __version__, status.st_ino]


# ---- reading -------------------------------------------------------------------------------------


def read_cache(cache: str, path: str, status: os.stat_result) -> JsonObject | None:
    """Return what was made of this very file before.

    None if it has changed since, or if another user may have written what is cached.
    """
    try:
        with open(cache, encoding="utf-8", opener=open_cache_file) as file:
            match json.load(file):
                case {"key": key, "plain": dict(plain), **more} if key == file_key(path, status):
                    if "secrets" in more:
                        add_secrets(plain, path, more["secrets"])
                    return plain if is_plain(plain) else None
    except UntrustedFileError as error:
        warn_untrusted(str(error))
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    return None


def add_secrets(plain: JsonObject, path: str, secrets: Any) -> None:
    """Read from the file what the cache does not hold; raise ValueError if it has changed.

    The time of change counts here: what stands in the place of a secret could be anything.
    """
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if secrets["file"] != [*file_key(path, status), status.st_ctime_ns]:
            raise ValueError("the file has changed")
        data = file.read()
    for keys, start, end in secrets["places"]:
        set_in(plain, keys, data[start:end].decode())


def set_in(plain: Any, keys: Sequence[str | int], value: str | None) -> None:
    """Set a value deep within others; raise LookupError or TypeError if there is no such place."""
    *outer, last = keys
    for key in outer:
        plain = plain[key]
    plain[last] = value


def is_plain(plain: JsonObject) -> bool:
    """Return whether cached values have the shape of a configuration, whoever wrote them."""
    clients = plain.get("clients", [])
    return isinstance(clients, list) and all(
        isinstance(client, dict) and isinstance(client.get("type"), str) for client in clients
    )


# ---- writing -------------------------------------------------------------------------------------


def parse_and_cache(path: str, cache: str, status: os.stat_result) -> Result[JsonObject, Problem]:
    """Return the plain values of a file, and cache them."""

    def parsed(data: bytes) -> Result[JsonObject, Problem]:
        plain = decode(data, path).alt(as_config_problem).bind(lambda text: parse(text, path))
        return plain.map(lambda values: store_config(cache, path, status, values, data))

    return (
        read_bytes(path, "configuration", open_in_safe_folder).alt(as_config_problem).bind(parsed)
    )


def store_config(
    cache: str, path: str, status: os.stat_result, plain: JsonObject, data: bytes
) -> JsonObject:
    """Write the cache, or take the old one away where it cannot do without a secret."""
    try:
        text = cache_text(path, status, plain, data)
        if text is None:
            require_cache_folder(cache)
            os.unlink(cache)
        else:
            write_cache(cache, text)
    except OSError:
        pass  # only slower next time
    return plain


def cache_text(path: str, status: os.stat_result, plain: JsonObject, data: bytes) -> str | None:
    """Return what to cache, None where a secret cannot be found again in the file; raise OSError.

    Nor is anything cached of a file that was changed while it was read.
    """
    from loki.config.parse_config import secret_positions

    places, now = secret_positions(plain, data), os.stat(path)
    key, stamp = file_key(path, status), [*file_key(path, now), now.st_ctime_ns]
    if places is None or stamp != [*key, status.st_ctime_ns]:
        return None
    if not places:
        return json.dumps({"key": key, "plain": plain})
    bare = json.loads(json.dumps(plain))
    for keys, _, _ in places:
        set_in(bare, keys, None)
    return json.dumps({"key": key, "plain": bare, "secrets": {"file": stamp, "places": places}})
