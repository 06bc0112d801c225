"""Files for what was paid for and has no other place."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress

from loki.edge.trust import make_private_folder

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
    memory = [MEMORY] if os.path.isdir(MEMORY) else []
    folders = [folder, tempfile.gettempdir(), *memory]
    for each in folders[:-1]:
        with suppress(OSError):
            return make_file_with_room(each, prog, suffix)
    return make_file_with_room(folders[-1], prog, suffix)


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
