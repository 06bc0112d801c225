"""Rows that a full disk did not take -> a file elsewhere, and from there into their store."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from glob import escape, glob
from hashlib import blake2b

from loki.edge.retrieval.rows import Rows, header_of
from loki.edge.trust import make_private_folder
from loki.problems import Problem, count_that_are
from loki.record import replace
from loki.retrieval.header import EmbeddingSettings


class Rescue:
    """Where the rows of a store are kept that it could not take: they have been paid for."""

    def __init__(self, path: str, folder: str, signature: EmbeddingSettings) -> None:
        name = blake2b(os.path.abspath(path).encode("utf-8", "replace"), digest_size=8).hexdigest()
        self.folder, self.prefix = folder, f"loki-store-{name}-"
        self.signature = signature
        self.taken: list[str] = []

    def take_rows(self) -> list[Rows]:
        """Return what was kept; it stays where it is until ``forget``."""
        paths = glob(f"{escape(os.path.join(self.folder, self.prefix))}*.arrow")
        found = [(path, read_rows(path, self.signature)) for path in paths]
        self.taken = [path for path, rows in found if rows is not None]
        return [rows for _, rows in found if rows is not None]

    def delete_files(self) -> None:
        """Remove what was taken: it is in its store, or kept anew."""
        for path in self.taken:
            with suppress(OSError):
                os.unlink(path)
        self.taken.clear()

    def save(self, rows: Rows, problem: Problem) -> Problem:
        """Keep rows; return the problem that they met, with where they are."""
        if problem.kind not in ("output", "busy"):
            return problem
        kept = f"{count_that_are(len(rows), 'vector')} kept"
        try:
            where = f"{kept} in {self.write(rows)}, and the next run adds them"
            self.delete_files()
        except OSError:
            where = f"{kept} nowhere: that disk is full as well"
        return replace(problem, message=f"{problem.message}; {where}")

    def write(self, rows: Rows) -> str:
        """Write rows into a file of their own; return its path, or raise OSError."""
        import pyarrow.feather

        make_private_folder(self.folder)
        handle, path = tempfile.mkstemp(".arrow", self.prefix, self.folder)
        try:
            with open(handle, "wb") as file:
                pyarrow.feather.write_feather(rows, file)
        except OSError:
            os.unlink(path)
            raise
        return path


def read_rows(path: str, signature: EmbeddingSettings) -> Rows | None:
    """Return the rows in a file, None if they are not of a signature."""
    import pyarrow.feather

    try:
        rows = pyarrow.feather.read_table(path)
    except (OSError, ValueError):
        return None
    header = header_of(rows)
    return rows if header and header.settings == signature else None
