"""Path -> handle of a file that can make us run or send something, if no other user wrote it.

Such are the configuration, .env, the vault, its password and tokens. A file is refused if anybody
can write it, or if another user but root owns it; one that its group can write only where that is
not its owner's own group. Root may read a user's file: a warning says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from stat import S_ISCHR, S_ISDIR, S_ISLNK, S_ISREG, S_ISVTX, S_IWGRP, S_IWOTH


class UntrustedFileError(OSError):
    """A file that another user may have written; its text says which, why and how to mend it."""


def open_user_file(path: str, flags: int) -> int:
    """Open a file for ``open(opener=…)``; raise UntrustedFileError. Links are followed."""
    return open_checked(path, flags, require_safe_owner)


def open_in_safe_folder(path: str, flags: int) -> int:
    """Open a file likewise, in a folder where nobody else can put another in its place."""
    return open_checked(path, flags, require_safe_file_and_folder)


def open_private(path: str, flags: int) -> int:
    """Open a file for ``open(opener=…)``; a new one is for its owner alone, under any umask."""
    return os.open(path, flags, 0o600)


def open_checked(path: str, flags: int, check: Callable[[str, os.stat_result], None]) -> int:
    """Open a file, check what was opened, and return its handle; raise as ``check`` does."""
    handle = os.open(path, flags)
    try:
        check(path, os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return handle


def require_safe_owner(path: str, status: os.stat_result) -> None:
    """Raise UntrustedFileError if another user may have written a file or a folder."""
    if os.name != "posix":
        return
    user = os.geteuid()
    if message := refusal(path, status, user):
        raise UntrustedFileError(message)
    if user == 0 and status.st_uid != 0 and not S_ISDIR(status.st_mode):
        warn_root(path, status.st_uid)


def require_safe_file_and_folder(path: str, status: os.stat_result) -> None:
    """Raise UntrustedFileError if another user may have written a file, or can replace it."""
    require_safe_owner(path, status)
    require_safe_folder(path)


def require_safe_folder(path: str) -> None:
    """Raise UntrustedFileError if another user can put a file in the place of this one."""
    folder = os.path.dirname(path) or "."
    with suppress(FileNotFoundError, NotADirectoryError):
        require_safe_owner(folder, os.stat(folder))


def open_cache_file(path: str, flags: int) -> int:
    """Open a cache file for ``open(opener=…)`` that only this user or root can have written.

    Stricter than ``open_own``: no link is followed, a sticky folder is no excuse, and what another
    user owns is not trusted by root either; what is no regular file is not waited for. Raise
    UntrustedFileError, or another OSError.
    """
    require_cache_folder(path)
    if os.path.islink(path):
        raise UntrustedFileError(f"{path}: a link, which no cache of ours is: delete it")
    return open_checked(path, flags | NOT_WAITING, require_cache_file)


NOT_WAITING = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def require_cache_file(path: str, status: os.stat_result) -> None:
    """Raise UntrustedFileError as ``require_ours`` does, OSError for a pipe or a device."""
    require_user_or_root(path, status)
    if not S_ISREG(status.st_mode):
        raise OSError(f"{path} is not a regular file")


def require_cache_folder(path: str) -> None:
    """Raise UntrustedFileError if anybody but this user and root can put a file there.

    A folder may be a link of theirs to another disk; one of another user's leads where he likes.
    """
    folder = os.path.dirname(path) or "."
    with suppress(FileNotFoundError, NotADirectoryError):
        require_own_link(folder)
        require_user_or_root(folder, os.stat(folder))


def require_own_link(path: str) -> None:
    """Raise UntrustedFileError if a file or a folder is a link that another user made."""
    if os.name != "posix":
        return
    status = os.lstat(path)
    if S_ISLNK(status.st_mode) and status.st_uid not in (0, os.geteuid()):
        raise UntrustedFileError(f"{path}: a link of another user (uid {status.st_uid}): delete it")


def require_user_or_root(path: str, status: os.stat_result) -> None:
    """Raise UntrustedFileError unless only this user and root can write a file or a folder."""
    if os.name != "posix":
        return
    mode, owner, user = status.st_mode, status.st_uid, os.geteuid()
    if owner not in (0, user):
        raise UntrustedFileError(f"{path}: another user owns it (uid {owner}): delete it")
    if mode & S_IWOTH or (mode & S_IWGRP and not is_private_group(status.st_gid, user)):
        raise UntrustedFileError(f"{path}: others can write it; {suggest_fix(path)}")


def refusal(path: str, status: os.stat_result, user: int) -> str:
    """Return why a user must not trust a file or a folder, and what to do; empty if he may.

    Devices (/dev/null) hold nothing; in a sticky folder (/tmp) nobody replaces another's file.
    """
    mode, owner = status.st_mode, status.st_uid
    if S_ISCHR(mode):
        return ""
    if user != 0 and owner not in (0, user):
        return f"{path}: another user owns it (uid {owner}): use a file of your own"
    if S_ISDIR(mode) and mode & S_ISVTX:
        return ""
    if mode & S_IWOTH:
        return f"{path}: anybody can write it; {suggest_fix(path)}"
    if mode & S_IWGRP and not is_private_group(status.st_gid, owner):
        return f"{path}: its group (gid {status.st_gid}) can write it; {suggest_fix(path)}"
    return ""


def suggest_fix(path: str) -> str:
    """Return the command that takes a file away from others, for a message."""
    from shlex import quote  # only where a message needs it

    return f"others must not: chmod go-w {quote(path)}"


def is_private_group(group: int, owner: int) -> bool:
    """Return whether a group is a user's own: the first group, of the same name, nobody else's.

    The group of those who have none is nobody's own.
    """
    import grp
    import pwd

    try:
        user, entry = pwd.getpwuid(owner), grp.getgrgid(group)
    except KeyError:
        return False
    if NOBODY in (owner, group) or (user.pw_gid, user.pw_name) != (group, entry.gr_name):
        return False
    others = (each.pw_name for each in pwd.getpwall() if each.pw_gid == group)
    return {*entry.gr_mem, *others} <= {user.pw_name}


NOBODY = 65534  # user and group of what has none here: nobody, nogroup, and ids that are not mapped


@cache
def warn_root(path: str, owner: int) -> None:
    """Warn, once for each file, that a user decides what root runs and sends."""
    from logging import getLogger

    message = "root reads %s, which belongs to another user (uid %s)"
    getLogger("loki").warning(message, path, owner)


@cache
def warn_untrusted(error: str) -> None:
    """Warn, once for each file, that a cache is not used, and why."""
    from logging import getLogger

    getLogger("loki").warning("not used: %s", error)


def make_private_folder(folder: str) -> None:
    """Make a folder, and those above it that are missing, for their owner alone; raise OSError.

    os.makedirs would leave those above to the umask.
    """
    if folder and not os.path.isdir(folder):
        make_private_folder(os.path.dirname(folder))
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
