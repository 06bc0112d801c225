"""The variables of this process, and under them those of the .env file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from loki.edge.files import Environ, describe_os_error, env_file
from loki.edge.stdin import TooLargeError, late_file, read_file, within_patience
from loki.edge.trust import UntrustedFileError, open_in_safe_folder
from loki.problems import Kind, Problem

#: The variable that lists the names of variables set only in the .env file.
ADDED = "LOKI_ADDED_BY_ENV_FILE"
#: The variable that says why there is no environment to work with: a kind, and a message.
REFUSED = "LOKI_ENV_FILE_REFUSED"
#: The variable with notes on lines of the .env file that mean nothing.
NOTES = "LOKI_ENV_FILE_NOTES"
#: The variable with the text of a configuration that came through a pipe, which gives it once.
CONFIG_TEXT = "LOKI_CONFIG_FILE_READ"

#: Those that only the mapping has, never the process.
PASSING = (REFUSED, NOTES, CONFIG_TEXT)


def environment(deadline: float | None = None) -> dict[str, str]:
    """Return the variables of this process, and under them those of the .env file.

    The names that only the file sets are listed under ``ADDED``: the mapping is copied and extended
    later, and code that starts other programs must leave those out. A file that is named and not
    there, that another user may have written, or that is too large or too slow (``deadline`` is on
    the monotonic clock), gives nothing but the name ``REFUSED``: ``refusal`` reads it.
    """
    for name in PASSING:
        os.environ.pop(name, None)
    path = env_file(os.environ)
    try:
        data = read_file(path, open_in_safe_folder, within_patience(deadline))
    except UntrustedFileError as error:
        return refuse("config", str(error))
    except TimeoutError:
        return refuse("offline", f".env: {late_file(path, deadline)}")
    except TooLargeError as error:
        return refuse("config", f"{path} {error}")
    except OSError as error:
        if not os.environ.get("LOKI_ENV_FILE"):
            return dict(os.environ)
        is_absent = isinstance(error, FileNotFoundError)
        why = "no file" if is_absent else f"{describe_os_error(error)}:"
        return refuse("config", f"LOKI_ENV_FILE: {why} {path}")
    return with_variables(data.decode("utf-8", "replace"), path)


def with_variables(text: str, path: str) -> dict[str, str]:
    """Return the variables of this process and, under them, those of the text of a .env file."""
    from_file = read_env(text)
    added = {*os.environ.get(ADDED, "").split(), *(from_file.keys() - os.environ.keys())}
    odd = [f"{path}:{line}: not NAME=VALUE, so it is not used" for line in bad_lines(text)]
    return {
        **from_file,
        **os.environ,
        **({ADDED: " ".join(sorted(added))} if added else {}),
        **({NOTES: "\n".join(odd)} if odd else {}),
    }


def refuse(kind: Kind, message: str) -> dict[str, str]:
    """Return the variables of this process, with the reason why no command can work with them."""
    return {**os.environ, REFUSED: f"{kind}: {message}"}


def refusal(environ: Environ) -> Problem | None:
    """Return why no command can work with some variables, None where it can."""
    kind, _, message = environ.get(REFUSED, "").partition(": ")
    if not message:
        return None
    return Problem("offline" if kind == "offline" else "config", message)


def notes_in(environ: Environ) -> tuple[str, ...]:
    """Return the notes on lines of the .env file."""
    return tuple(environ.get(NOTES, "").splitlines())


def without_env_file(environ: Environ) -> dict[str, str]:
    """Return the variables for child processes: the process's own, none of the .env file.

    >>> without_env_file({"HOME": "/root", "KEY": "k", "LOKI_ADDED_BY_ENV_FILE": "KEY"})
    {'HOME': '/root'}
    """
    added = {ADDED, *PASSING, *environ.get(ADDED, "").split()}
    return {name: value for name, value in environ.items() if name not in added}


def without_passing(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the process may have, without what is handed on in a mapping."""
    return {name: value for name, value in environ.items() if name not in PASSING}


# ---- its lines -----------------------------------------------------------------------------------


def read_env(text: str) -> dict[str, str]:
    """Parse the variables of a .env file.

    >>> read_env("# keys\\nexport A='b c'\\nD = e # tail\\nF=\\n")
    {'A': 'b c', 'D': 'e', 'F': ''}
    """
    variables: dict[str, str] = {}
    for match in matches_in(with_line_feeds(text)):
        name, double, single, plain = match.groups()
        values = (double, single, plain)
        variables[name] = next((value for value in values if value is not None), "")
    return variables


def bad_lines(text: str) -> Iterator[int]:
    """Yield the numbers of lines of a .env file that are no variable, empty line or comment.

    >>> [*bad_lines("A='b\\nc'\\n# d\\n\\nbad line\\n=x\\n")]
    [5, 6]
    """
    lines, end = with_line_feeds(text), 0
    for start, following in [*(match.span() for match in matches_in(lines)), (len(lines), 0)]:
        first = lines.count("\n", 0, end)
        between = lines[end:start].split("\n")
        for number, line in enumerate(between, first + 1):
            if line.strip() and not line.lstrip().startswith("#"):
                yield number
        end = following


def matches_in(text: str) -> Iterator[re.Match[str]]:
    """Return the variables in a text, each with the line or lines that set it."""
    return re.finditer(ENV_LINE, text, re.MULTILINE | re.VERBOSE)


def with_line_feeds(text: str) -> str:
    """Return a text without a mark of its encoding, its lines ended as on Unix."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


#: A line of a .env file; compiled where there is such a file, for that takes a while.
ENV_LINE = r"""^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*
    (?:"([^"]*)"|'([^']*)'|((?!\#)[^\s].*?)?)
    [ \t]*(?:(?<=[ \t=])\#.*)?$"""
