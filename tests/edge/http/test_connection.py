"""Answers off a socket: whatever comes, they neither crash, nor hang, nor make things up."""

from __future__ import annotations

import socket
from http.client import HTTPException
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.edge.http.connection import FinalResponse
from loki.edge.http.deadline import Deadline, TimeLeft, deadline_after
from loki.edge.http.sockets import DeadlineSocket, shut_down

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


def hear(data: bytes) -> tuple[bytes, bool]:
    """The body of an answer, and whether its connection may be used again; raises HTTPException."""
    theirs, ours = socket.socketpair()
    with theirs, ours:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        sock = DeadlineSocket(ours, TimeLeft(2, Deadline(2, monotonic() + 5)))
        answer = FinalResponse(sock)  # type: ignore[arg-type]
        try:
            answer.begin()
            body = b"".join(iter(lambda: answer.read1(65536), b""))
            return body, not answer.will_close
        finally:
            answer.close()


@given(noise=st.binary(max_size=300), begun=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", OK]))
def test_noise_is_no_answer_or_never_a_longer_one(noise: bytes, begun: bytes) -> None:
    try:
        body, _ = hear(begun + noise)
    except HTTPException:
        return
    assert len(body) <= len(noise)


SIZES = st.sampled_from([b"1", b"0", b"3;x", b"-1", b"zz", b" 2", b"", b"ffffffff", b"1_0"])
LINES = st.sampled_from([b"\r\n", b"\n", b""])
CHUNKS = st.lists(st.tuples(SIZES, LINES, st.binary(max_size=4), LINES), max_size=6)


@given(parts=CHUNKS)
def test_noise_in_chunks_is_broken_or_never_longer(parts: list[tuple[bytes, ...]]) -> None:
    noise = b"".join(b"".join(part) for part in parts)
    try:
        body, _ = hear(CHUNKED + noise)
    except HTTPException:
        return
    assert len(body) <= len(noise)


@given(body=st.binary(max_size=200), sizes=st.lists(st.integers(1, 50), max_size=20))
def test_every_body_comes_out_of_its_chunks(body: bytes, sizes: list[int]) -> None:
    pieces, rest = [], body
    for size in (*sizes, len(body)):
        pieces.append(rest[:size])
        rest = rest[size:]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
    assert hear(CHUNKED + chunks + b"0\r\n\r\n") == (body, True)


# ---- sockets -------------------------------------------------------------------------------------


def test_what_is_sent_leaves_in_one_piece_before_anything_is_read() -> None:
    theirs, ours = socket.socketpair()
    with theirs, ours:
        sock = DeadlineSocket(ours, 2.0)
        clock = sock.deadline
        sock.sendall(b"head ")
        sock.sendall(b"body")
        assert not clock.sent
        theirs.sendall(b"answer")
        with sock.makefile("rb") as file:
            assert file.read1(99) == b"answer"
        assert theirs.recv(99) == b"head body" and clock.sent and clock.sent_all


def test_a_socket_stays_open_until_its_last_file_is_closed() -> None:
    theirs, ours = socket.socketpair()
    with theirs, ours:
        sock = DeadlineSocket(ours, 2.0)
        with sock.makefile("rb") as file:
            sock.close()
            theirs.sendall(b"late")
            assert file.read1(99) == b"late"
        assert theirs.recv(99) == b""


@pytest.mark.parametrize(("read", "is_paused"), [(6, False), (3, True)])
def test_a_socket_is_over_where_an_answer_was_left_unread(read: int, is_paused: bool) -> None:
    theirs, ours = socket.socketpair()
    with theirs, ours:
        theirs.sendall(b"answer")
        with DeadlineSocket(ours, 2.0).makefile("rb") as file:
            assert len(file.read(read)) == read
        theirs.settimeout(0.05)
        if is_paused:
            assert theirs.recv(1) == b""
        else:
            with pytest.raises(TimeoutError):
                theirs.recv(1)


def test_a_connection_can_be_cut_at_any_time() -> None:
    shut_down(None)  # before there is one
    theirs, ours = socket.socketpair()
    with theirs, ours:
        shut_down(DeadlineSocket(ours, 2.0))
        assert theirs.recv(1) == b""
        theirs.close()
        shut_down(ours)


# ---- clocks --------------------------------------------------------------------------------------


def test_seconds_are_a_number_that_carries_a_clock() -> None:
    clock = Deadline(3, 9)
    assert TimeLeft(2, clock) == 2.0 and deadline_after(TimeLeft(2, clock)) is clock
    assert TimeLeft(-1, clock) > 0
    assert deadline_after(2.5).idle == 2.5 and deadline_after(None).idle > 9999


def test_a_clock_waits_no_longer_than_either_limit() -> None:
    now = monotonic()
    assert 0.9 < Deadline(1, now + 5).remaining(now) <= 1
    assert 0.9 < Deadline(5, now + 1).remaining(now) <= 1
    assert Deadline(99, now + 99, lambda: None).next_wait(now) == 0.25
    with pytest.raises(TimeoutError):
        Deadline(1, now + 5).remaining(now - 2)
    with pytest.raises(TimeoutError):
        Deadline(1, now - 1).remaining(now)
