"""Files for what was paid for and has no other place."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from typing import IO

from loki.edge.trust import NOT_WAITING, make_private_folder, open_checked, require_cache_file

#: Bytes that must fit where something is rescued to.
ROOM = 1 << 14

#: A folder in memory, where there is one: for the day that every disk is full.
MEMORY = "/dev/shm"


def make_rescue_file(folder: str, prog: str, suffix: str = "") -> tuple[int, str]:
    """Make a file that only we can read; return its handle and its path.

    It is in ``folder``, or, if that disk is the full one, where temporary files are, or in memory.
    """
    with suppress(OSError):
        make_private_folder(folder)
    folders = rescue_folders(folder)
    for each in folders[:-1]:
        with suppress(OSError):
            return make_file_with_room(each, prog, suffix)
    return make_file_with_room(folders[-1], prog, suffix)


def rescue_folders(folder: str) -> list[str]:
    """Return where rescue files may be, in the order in which places are tried."""
    memory = [MEMORY] if os.path.isdir(MEMORY) else []
    return [folder, tempfile.gettempdir(), *memory]


def open_rescue_file(path: str) -> IO[bytes]:
    """Open a file that was rescued; raise OSError where another user may have written it."""
    return open(path, "rb", opener=open_rescued)


def open_rescued(path: str, flags: int) -> int:
    """Open a file for ``open(opener=…)`` that only this user or root can have written."""
    return open_checked(path, flags | NOT_WAITING, require_cache_file)


def try_lock(handle: int) -> bool:
    """Hold an open file for this process until it is closed; return whether no other holds it."""
    try:
        import fcntl
    except ImportError:  # not POSIX
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def keep_text(folder: str, prog: str, text: str) -> str:
    """Write a text that has no other place into a file; return its path, or raise OSError."""
    handle, path = make_rescue_file(folder, prog, ".txt")
    with open(handle, "wb") as file:
        file.write(text.encode("utf-8", "replace"))
    return path


def make_file_with_room(folder: str, prog: str, suffix: str) -> tuple[int, str]:
    """Make an empty file where at least ROOM bytes fit; raise OSError where they do not."""
    handle, path = tempfile.mkstemp(suffix, f"{prog}-", folder)
    try:
        if os.write(handle, bytes(ROOM)) < ROOM:
            os.write(handle, bytes(ROOM))  # which says why they do not fit
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
    except OSError:
        os.close(handle)
        os.unlink(path)
        raise
    return handle, path
