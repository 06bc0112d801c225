"""Which attachments are read beside the other rows, and that a run that ends leaves them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from loki.batch.row_files import UnreadFile
from loki.batch.rows import InvalidRow, ReadyRow, Row
from loki.edge.batch.rate_limiter import STOPPED
from loki.edge.batch.read_slow import is_slow, until_stopped
from loki.messages import Message
from loki.records import Ask

SLOW = ReadyRow(1, "a", "k", Ask((Message("user", (UnreadFile("", url="http://a"),)),)))


def test_addresses_pipes_and_devices_may_be_slow(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("pipe")
    found = {name: is_slow(str(tmp_path / name)) for name in ("pipe", "link", "file", ".", "none")}
    assert found == {"pipe": True, "link": True, "file": False, ".": False, "none": False}
    assert is_slow(os.devnull) and is_slow("https://a.example") and not is_slow("a\0b")


def test_only_rows_that_have_something_to_read_are_read() -> None:
    read, bare = SLOW._replace(key="read"), ReadyRow(1, "a", "k", Ask("Hi"))
    step = until_stopped(lambda row: read, threading.Event())
    assert step(SLOW) is read and step(bare) is bare


def test_a_run_that_ends_leaves_what_is_being_read() -> None:
    stop, is_over = threading.Event(), threading.Event()

    def read(row: ReadyRow) -> Row:
        stop.set()
        is_over.wait(30)
        return row

    left = until_stopped(read, stop)(SLOW)
    assert isinstance(left, InvalidRow) and left.problem is STOPPED and left.key == "k"
    is_over.set()
