"""The files of the answer cache: written, read, and the oldest taken away.

A file is a line of JSON, then the body as the provider sent it. It is written aside and renamed, so
that a process that is killed leaves no half of one, and any number of processes share the folder.
Answers are there in the clear; prompts are there as hashes only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256

from returns.result import Result, Success

from loki.edge.files import describe_os_error, directory
from loki.edge.trust import UntrustedFileError, make_private_folder, require_cache_folder
from loki.json_text import compact
from loki.problems import Problem, fail
from loki.records import CachedResponse

MAX_FOLDER_SIZE = 256 << 20  # bytes of all answers together
ABANDONED = 3600  # seconds after which a file that was never renamed is taken away
FORMAT = 1  # of the files
DRAFT = ".draft-"  # so begin the names of files that are being written


def cache_folder(environ: Mapping[str, str]) -> str:
    """Return the folder where answers are kept."""
    return f"{directory('cache', environ)}/answers"


# ---- a file --------------------------------------------------------------------------------------


def encode_file(kept: CachedResponse, key: str, now: float) -> bytes:
    """Return the bytes of a file: a line of JSON, and the body."""
    body = b"".join(kept.pieces)
    head = {
        "format": FORMAT,
        "key": key,
        "time": float(now),
        "status": kept.status,
        "headers": dict(kept.headers),
        "sizes": [len(piece) for piece in kept.pieces],
        "sha256": sha256(body).hexdigest(),
    }
    return compact(head).encode() + b"\n" + body


def decode_file(data: bytes, key: str, now: float, age: float | None) -> CachedResponse | None:
    """Return the answer in a file; None if it is too old, damaged, or of another request."""
    line, _, body = data.partition(b"\n")
    try:
        match json.loads(line):
            case {
                "format": int(form),
                "key": str(name),
                "time": float(then),
                "status": int(status),
                "headers": dict(headers),
                "sizes": list(sizes),
                "sha256": str(digest),
            } if (form, name, digest, sum(sizes)) == (
                *(FORMAT, key),
                *(sha256(body).hexdigest(), len(body)),
            ):
                is_fresh = age is None or 0 <= now - then <= age
                return (
                    CachedResponse(status, headers, tuple(split_body(body, sizes)))
                    if is_fresh
                    else None
                )
    except (ValueError, TypeError, RecursionError):
        pass
    return None


def split_body(body: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Yield a body in pieces of some sizes.

    >>> [*split_body(b"abc", [1, 2])]
    [b'a', b'bc']
    """
    start = 0
    for size in sizes:
        yield body[start : start + size]
        start += size


def write_file(folder: str, key: str, data: bytes) -> None:
    """Write a file of a cache in one step; raise OSError."""
    import tempfile

    make_private_folder(folder)
    path = os.path.join(folder, key)
    require_cache_folder(path)
    handle, draft = tempfile.mkstemp(dir=folder, prefix=DRAFT)  # made with mode 0600
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


# ---- the folder ----------------------------------------------------------------------------------


def files_in(folder: str) -> list[tuple[float, int, str]]:
    """Return the time, the size and the path of every file of a cache, the oldest first."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            is_ours = entry.name.startswith(DRAFT) or len(entry.name) == 64
            with suppress(FileNotFoundError):  # another process took it away
                if is_ours and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_mtime, status.st_size, entry.path))
    return sorted(found)


def remove_oldest(folder: str, most: int, abandoned: float) -> None:
    """Take away the oldest answers until the others have ``most`` bytes, and abandoned drafts."""
    found = files_in(folder)
    total = sum(size for _, size, _ in found)
    for then, size, path in found:
        is_draft = os.path.basename(path).startswith(DRAFT)
        if is_draft and then > abandoned:
            continue
        if is_draft or total > most:
            total -= size
            with suppress(FileNotFoundError):
                os.unlink(path)


def clear_folder(folder: str) -> Result[tuple[int, int], Problem]:
    """Take all answers away; return their number and their bytes."""
    try:
        require_cache_folder(os.path.join(folder, "x"))
        found = files_in(folder)
        for _, _, path in found:
            with suppress(FileNotFoundError):
                os.unlink(path)
    except FileNotFoundError:
        return Success((0, 0))
    except UntrustedFileError as error:
        return fail("config", f"the answer cache is left alone: {error}")
    except OSError as error:
        return fail("config", f"cannot clear {folder}: {describe_os_error(error)}")
    return Success((len(found), sum(size for _, size, _ in found)))


def explain_unwritten(error: OSError, folder: str) -> str:
    """Return why a folder cannot be used; an error of ours says it with the path."""
    return (
        str(error)
        if isinstance(error, UntrustedFileError)
        else f"{folder}: {describe_os_error(error)}"
    )
