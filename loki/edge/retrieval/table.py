"""Path -> Store: a folder with a table in the format of Lance, which LanceDB opens as well.

The table is read and written by the package pylance, which loads in a tenth of the time that
the package lancedb takes, and reads the same folder. Only this module knows of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

from returns.result import Failure, Result, Success

from loki.edge.retrieval.rows import HEADER, Rows, fits_float32, matches_of
from loki.problems import Kind, Problem, fail
from loki.replies import Vector
from loki.retrieval.header import Header, read_header
from loki.retrieval.passages import Match, rank_matches

A = TypeVar("A")

TABLE = "texts"
MISSING_PACKAGE = "a store needs Lance: pip install '.[search]' in loki's folder"
#: From so many files on, a table is put together anew: each is opened by every search.
MANY_FILES = 100
#: Versions older than this are taken away then; a search that began before has long ended.
KEPT = timedelta(hours=1)
#: The errors of an operating system that mean that nothing more can be written.
FULL = re.compile(r"\(os error (?:5|27|28|30|122)\)")
#: Where in Lance's own source an error arose, and the kind of it: nothing for our messages.
NOISE = re.compile(r"LanceError\(\w+\): |External error: |,? ?(?:location: )?/\S+\.rs:\d+:\d+")


class Store(NamedTuple):
    """A store that is open, at the version that it had when it was opened."""

    path: str
    header: Header
    dataset: Any  # a lance.LanceDataset

    @property
    def dimensions(self) -> int:
        """Return how many numbers a vector has."""
        return int(self.dataset.schema.field("vector").type.list_size)


def require_engine() -> Result[None, Problem]:
    """Fail with what to install, if the engine of stores is not there."""
    try:
        import_module("lance")
    except ImportError:
        return fail("config", MISSING_PACKAGE)
    return Success(None)


# ---- opening -----------------------------------------------------------------------------------


def open_store(path: str) -> Result[Store, Problem]:
    """Return the store in a folder; fail with kind missing where there is none."""

    def found(store: Store | None) -> Result[Store, Problem]:
        if store:
            return Success(store)
        return fail("missing", f"no store {path}: loki-embed --into {path} makes one")

    return find_store(path).bind(found)


def find_store(path: str) -> Result[Store | None, Problem]:
    """Return the store in a folder, None where one may be made; fail on anything else there."""
    return require_engine().bind(lambda _: examine_folder(path))


def examine_folder(path: str) -> Result[Store | None, Problem]:
    """Return the store in a folder; a table that nobody finished to make is none yet."""
    try:
        names = set(os.listdir(path))
    except FileNotFoundError:
        return Success(None)
    except NotADirectoryError:
        return fail("input", f"{path} is a file, not a store: name a folder")
    except (OSError, ValueError) as error:
        return fail("input", f"cannot read {path}: {str(error).lower()}")
    if names - {LOCK} == set() or names == {LOCK, f"{TABLE}.lance"} and not was_finished(path):
        return Success(None)
    if f"{TABLE}.lance" not in names:
        return fail("input", f"{path} is not a store: the folder has other files, name another")
    return read_table(path)


LOCK = ".lock"


def was_finished(path: str) -> bool:
    """Return whether a table was ever finished: a step of it was written, or a version."""
    return any(has_files(f"{table_path(path)}/{name}") for name in ("_versions", "_transactions"))


def has_files(path: str) -> bool:
    """Return whether there is a folder with something in it."""
    try:
        return bool(os.listdir(path))
    except OSError:
        return False


def table_path(path: str) -> str:
    """Return where the table of a store is."""
    return os.path.join(os.path.abspath(path), f"{TABLE}.lance")


def read_table(path: str) -> Result[Store | None, Problem]:
    """Return a store with its table and header."""
    import lance

    def opened(dataset: Any) -> Result[Store | None, Problem]:
        header = read_header((dataset.schema.metadata or {}).get(HEADER, b""))
        return header.map(lambda header: Store(path, header, dataset)).alt(
            lambda problem: Problem("input", f"{path} is not a store of ours: {problem.message}")
        )

    damaged = f"{path} is damaged, and cannot be read as a store"
    return catch_engine_errors(damaged, lambda: lance.dataset(table_path(path))).bind(opened)


def catch_engine_errors(
    what: str, action: Callable[[], A], kind: Kind = "input"
) -> Result[A, Problem]:
    """Return what the engine does, or a Problem that begins with ``what`` and gives the reason."""
    try:
        return Success(action())
    except (OSError, ValueError, RuntimeError) as error:
        text = str(error)
        return fail("output" if FULL.search(text) else kind, f"{what}: {reason_of(text)}")


def reason_of(text: str) -> str:
    """Return the reason in a message of the engine.

    >>> reason_of("LanceError(IO): File too large (os error 27), /home/a/rust/writer.rs:190:9")
    'file too large'
    """
    short = re.sub(r" \(os error \d+\)", "", NOISE.sub("", text)).strip(" ,.") or "no reason given"
    return short[0].lower() + short[1:]


# ---- writing -----------------------------------------------------------------------------------


def make_table(path: str, rows: Rows) -> Result[Any, Problem]:
    """Write rows as a new table; return its dataset."""
    import lance

    def write() -> Any:
        return lance.write_dataset(rows, table_path(path), mode="create")

    return catch_engine_errors(f"cannot write {path}", write, "output")


def append_rows(store: Store, rows: Rows) -> Result[Any, Problem]:
    """Add rows to a table, all or none; return its dataset."""
    import lance

    def write() -> Any:
        return lance.write_dataset(rows, store.dataset, mode="append")

    return catch_engine_errors(f"cannot write {store.path}", write, "output")


def is_latest(store: Store) -> bool:
    """Return whether nobody has added to a store since; it may also be gone."""
    latest = catch_engine_errors("", lambda: store.dataset.latest_version)
    return bool(latest.value_or(None) == store.dataset.version)


def is_scattered(dataset: Any) -> bool:
    """Return whether a table has so many files that it should be put together."""
    return len(dataset.get_fragments()) > MANY_FILES


def compact_files(dataset: Any) -> Result[None, Problem]:
    """Write a table of many files as one of few, and take old versions away, if there is room."""

    def compact() -> None:
        dataset.optimize.compact_files()
        dataset.cleanup_old_versions(older_than=KEPT)

    return catch_engine_errors("cannot put the table together", compact)


# ---- reading -----------------------------------------------------------------------------------


def read_keys(store: Store) -> Result[Any, Problem]:
    """Return the keys of all texts, as an array of numpy."""
    return catch_engine_errors(
        f"{store.path} is damaged",
        lambda: store.dataset.to_table(columns=["key"])["key"].to_numpy(),
    )


def find_nearest(
    store: Store, vector: Vector, top: int, min_score: float | None = None
) -> Result[tuple[Match, ...], Problem]:
    """Return the passages nearest to a vector by cosine, exactly: every vector is compared."""
    if not fits_float32(vector):
        return Failure(explain_large_number(store.header))
    if len(vector) != store.dimensions:
        return Failure(
            explain_wrong_length(store.path, store.header, store.dimensions, len(vector))
        )
    import numpy

    nearest = {
        "column": "vector",
        "q": numpy.asarray(vector, dtype=numpy.float32),
        "k": top,
        "metric": "cosine",
        "use_index": False,
    }

    def read() -> Sequence[Match]:
        return matches_of(store.dataset.to_table(columns=SHOWN, nearest=nearest, **FRUGAL))

    found = catch_engine_errors(f"{store.path} is damaged", read)
    return found.map(lambda matches: rank_matches(matches, min_score))


SHOWN = ["text", "id", "source", "line", "fields", "_distance"]
#: Read no further ahead than this: with less memory a search of a million texts is as fast.
FRUGAL: dict[str, Any] = {"io_buffer_size": 32 << 20, "fragment_readahead": 2}


def explain_large_number(header: Header) -> Problem:
    """Return the Problem with a vector that would not be kept as it came."""
    message = f"{header.model} gave a number that is too large for a store (float32)"
    return Problem("garbled", message, sent=True)


def explain_wrong_length(path: str, header: Header, own: int, length: int) -> Problem:
    """Return the Problem with a vector of another length than those of a store."""
    gave = f"{header.model} gave {length:,} numbers"
    return Problem("config", f"{gave}, and the vectors of {path} have {own:,}", sent=True)


def size_of(store: Store) -> tuple[int, int, float]:
    """Return how many texts a store has, its bytes on the disk, and when it was last added to."""
    folders = os.walk(store.path)
    sizes = [
        os.path.getsize(os.path.join(top, name)) for top, _, files in folders for name in files
    ]
    return (
        store.dataset.count_rows(),
        sum(sizes),
        os.path.getmtime(f"{table_path(store.path)}/_versions"),
    )
