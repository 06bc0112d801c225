"""TEXT -> notes on what may be meant: a file that is not attached, a pipe that has nothing."""

from __future__ import annotations

import os
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from stat import S_ISFIFO, S_ISREG

#: What stands around a name in a sentence.
MARKS = "\"'`()[]<>,;:!?"


def warn_of_file_names(flags: Namespace, piped: str, warn: Callable[[str], None]) -> None:
    """Warn if TEXT has the name of a file that may have been meant to be attached.

    Inside a longer argument it is no mistake where a document goes with it.
    """
    names = named_files(flags.text, not (piped or flags.file or flags.messages))
    if more := [name for name in names if name not in flags.file]:
        warn(file_note(more, flags.text == more, flags.file))


def named_files(arguments: Sequence[str], is_sentence: bool) -> list[str]:
    """Return the files that TEXT names: its arguments, and the words in them of a sentence.

    A lone argument may be any file; of others only what looks like one: a.txt or notes/a.
    """
    if len(arguments) == 1 and os.path.isfile(arguments[0]):
        return [arguments[0]]
    words = [*arguments, *(" ".join(arguments).split() if is_sentence else ())]
    forms = ((word, word.strip(MARKS).rstrip(f".{MARKS}")) for word in words)
    return list(dict.fromkeys(name for form in forms for name in form if is_file_name(name)))


def is_file_name(word: str) -> bool:
    """Return whether a word looks like the name of a file, and is one."""
    return bool(re.search(r"/|[^.]\.\w", word)) and os.path.isfile(word)


def file_note(names: Sequence[str], is_all: bool, attached: Sequence[str] = ()) -> str:
    """Return a note on files that TEXT names.

    >>> file_note(["a.txt"], False)
    'a.txt is the name of a file, and sent as text: to attach it, use -f a.txt'
    >>> file_note(["b.txt"], False, ["a.txt"])
    '-f takes one file, and b.txt is sent as text: to attach it too, use -f a.txt -f b.txt'
    """
    import shlex

    is_one, listed = len(names) == 1, " and ".join(names)
    flags = " ".join(f"-f {shlex.quote(name)}" for name in (*attached[-1:], *names))
    if attached:
        are, them = ("is", "it") if is_one else ("are", "them")
        start = f"-f takes one file, and {listed} {are} sent as text: to attach {them} too"
    elif is_one and is_all:
        start = "TEXT is the name of a file, and sent as text: to attach the file"
    elif is_one:
        start = f"{listed} is the name of a file, and sent as text: to attach it"
    else:
        start = f"{listed} are names of files, and sent as text: to attach them"
    return f"{start}, use {flags}"


def warn_of_empty_stdin(flags: Namespace, warn: Callable[[str], None]) -> None:
    """Warn if TEXT is sent alone where a pipe or a file on stdin has nothing."""
    alone = flags.text not in ([], ["-"]) and not (flags.file or flags.messages)
    if alone and not flags.if_input and has_pipe_or_file():
        warn("stdin is empty: only TEXT is sent (-n leaves stdin alone)")


def has_pipe_or_file() -> bool:
    """Return whether stdin is what somebody gave to be read; no terminal, nor /dev/null."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):  # a stream in memory
        return False
    return S_ISFIFO(mode) or S_ISREG(mode)
