"""A cluster is reached straight where it can be, and what it says is one line."""

from __future__ import annotations

import socket

import pytest

from loki.edge.batch.dask_cluster import can_connect, describe_error


def test_a_worker_that_listens_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert can_connect(f"tcp://127.0.0.1:{port}") and can_connect(f"tls://127.0.0.1:{port}")
    assert not can_connect(f"tcp://127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["inproc://a/b", "tcp://127.0.0.1", "tcp://a:b", ""])
def test_an_address_that_is_none_cannot(address: str) -> None:
    assert not can_connect(address)


def test_an_error_is_told_on_one_line_and_never_empty() -> None:
    assert describe_error(OSError("a\n  b")) == "a b"
    assert describe_error(TimeoutError()) == "TimeoutError"
