"""What is learnt by one Env is its own: secrets, tokens, chains of credentials."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import auth_context

from loki.edge.auth.token_cache import Token


def test_two_contexts_share_nothing_that_was_learnt() -> None:
    environ = {"KEY": "k"}
    one, other = auth_context(environ), auth_context(environ)
    one.redactor.add("s3cret-value")
    one.issued.add("token")
    one.unwritten["path"] = Token("token")
    one.chains["key"] = object()
    assert one.environ is other.environ
    assert (other.redactor.known, other.issued, other.unwritten, other.chains) == (
        {},
        set(),
        {},
        {},
    )


def test_a_pipe_is_read_once_whoever_asks(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    context = auth_context({})
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(context.read_file, str(pipe), time.monotonic() + 60) for _ in range(8)]
        pipe.write_bytes(b"key\n")
        assert {each.result() for each in asked} == {b"key\n"}


def test_who_waits_for_another_that_reads_a_pipe_has_a_deadline_too(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    context = auth_context({})
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(context.read_file, str(pipe), time.monotonic() + 60)
        while not context.pipe_lock.locked():
            time.sleep(0.01)
        with pytest.raises(TimeoutError):
            context.read_file(str(pipe), time.monotonic() + 0.1)
        pipe.write_bytes(b"key\n")
        assert first.result() == b"key\n"


def test_a_file_is_read_each_time(tmp_path: Path) -> None:
    file, context = tmp_path / "file", auth_context({})
    for text in (b"a", b"b"):
        file.write_bytes(text)
        assert context.read_file(str(file), time.monotonic() + 60) == text
