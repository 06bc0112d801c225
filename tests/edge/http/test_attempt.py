"""One attempt over real sockets: connections used again, limits that hold, heads, bodies, TLS."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest
from certificates import certificates
from proxies import http, listening
from returns.result import Result, Success
from servers import CLOSE, Script, attended, chunk, plain, serving
from support import request

from loki.edge.http.attempt import Attempt, connect, open_response
from loki.edge.http.deadline import Deadline
from loki.edge.http.transport import Transports, make_transport
from loki.problems import Problem
from loki.records import Limits, Request
from loki.redaction.redactor import Redactor
from loki.replies import OpenResponse

LIMITS = Limits(connect=2, idle=2, total=10, retries=0)


def to(address: str, content: bytes = b'{"a": 1}', **limits: Any) -> Request:
    """A request to a server."""
    made = request({"type": "openai-compatible", "name": "local", "api_base": address})
    target = replace(made.draft.target, limits=replace(LIMITS, **limits))
    return replace(
        made, draft=replace(made.draft, target=target), url=f"{address}/", content=content
    )


def ask(attempt: Attempt, address: str, **more: Any) -> Result[OpenResponse, Problem]:
    """An answer that has begun, or why not."""
    sent = to(address, **more)
    return attempt(sent, time.monotonic() + (sent.draft.target.limits.total or 0))


def read(attempt: Attempt, address: str, **more: Any) -> bytes | Problem:
    """All of an answer, or why there is none."""
    opened = ask(attempt, address, **more)
    if not isinstance(opened, Success):
        return opened.failure()
    with closing(opened.unwrap()) as answer:
        pieces = [*answer.chunks]
    return next(
        (each.failure() for each in pieces if not isinstance(each, Success)),
        b"".join(each.value_or(b"") for each in pieces),
    )


# ---- connections that are used again -------------------------------------------------------------


STRAY = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstray"


def more(guest: socket.socket) -> None:
    """Say more than was asked for."""
    guest.sendall(STRAY)


def half(guest: socket.socket) -> None:
    """Say that nothing more will be said."""
    guest.shutdown(socket.SHUT_WR)


def full(guest: socket.socket) -> None:
    """Hang up."""
    guest.close()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("late", [0, 0.001, 0.02, 0.2])
@pytest.mark.parametrize("then", [more, half, full])
def test_what_comes_after_an_answer_is_never_another_calls(
    then: Callable[[socket.socket], None], late: float, tls: bool
) -> None:
    came, happened = [0], threading.Event()

    def attend(plain_guest: socket.socket) -> None:
        safe = certificates().server()
        guest = safe.wrap_socket(plain_guest, server_side=True) if tls else plain_guest
        with suppress(OSError), guest:
            while guest.recv(65536):
                came[0] += 1
                guest.sendall(plain(b"%d" % came[0])[0])  # type: ignore[arg-type]
                time.sleep(late)
                then(guest)
                happened.set()

    with attended(attend) as port:
        where = f"http{'s' if tls else ''}://127.0.0.1:{port}"
        attempt, bundle = connect(Redactor()), certificates().authority if tls else None
        for number in range(1, 4):
            assert read(attempt, where, ca_bundle=bundle) == b"%d" % number
            assert happened.wait(5)  # it is in our kernel by now
            happened.clear()
    assert came == [3]  # nothing was sent twice


def test_one_connection_is_enough_for_calls_one_after_the_other() -> None:
    with serving(plain(b"Hello")) as server:
        attempt = connect(Redactor())
        with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
            for pool in (one, other, one, other):
                result = pool.submit(read, attempt, server.address).result()
                assert result == b"Hello"
    assert server.guests == 1


# ---- limits --------------------------------------------------------------------------------------


def drip(begin: bytes, each: bytes = b"a") -> Script:
    """What begins, and then comes byte by byte for very long."""
    return [begin, *[step for _ in range(200) for step in (0.1, each)]]


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
DRIPS: dict[str, Script] = {
    "a status line": drip(b"HTTP/1.1 200 "),
    "a head": drip(HEAD + b"x: "),
    "a body": drip(HEAD + b"content-length: 5000\r\n\r\n"),
    "a body without end": drip(HEAD + b"\r\n"),
    "a chunk": drip(CHUNKED + b"fff\r\n"),
    "the size of a chunk": drip(CHUNKED, b"0"),
    "the extension of a chunk": drip(CHUNKED + b"5;"),
    "a trailer": drip(CHUNKED + b"0\r\nx: "),
    "interim answers": drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@pytest.mark.parametrize("name", DRIPS)
def test_the_time_for_everything_holds_while_something_drips(name: str) -> None:
    with serving(DRIPS[name]) as server:
        started = time.monotonic()
        problem = read(connect(Redactor()), server.address, total=0.8)
        took = time.monotonic() - started
    assert isinstance(problem, Problem) and (problem.kind, problem.sent) == ("offline", True)
    assert "within 0.8 s for everything (total timeout)" in problem.message
    assert 0.6 < took < 5


@pytest.mark.parametrize("name", DRIPS)
def test_the_time_between_two_bytes_holds_everywhere(name: str) -> None:
    with serving([(DRIPS[name] or [b""])[0], 5.0]) as server:
        started = time.monotonic()
        problem = read(connect(Redactor()), server.address, idle=0.4)
        took = time.monotonic() - started
    assert isinstance(problem, Problem) and "for 0.4 s (idle timeout)" in problem.message
    assert took < 4


def test_a_proxy_that_drips_is_given_up_and_nothing_was_sent() -> None:
    def attend(guest: socket.socket) -> None:
        with suppress(OSError), guest:
            guest.recv(65536)
            guest.sendall(b"HTTP/1.1 200 OK\r\nx: ")
            for _ in range(100):
                time.sleep(0.1)
                guest.sendall(b"a")

    with attended(attend) as port:
        started = time.monotonic()
        problem = read(
            connect(Redactor()),
            "https://127.0.0.1:9",
            proxy=f"http://127.0.0.1:{port}",
            connect=0.6,
        )
        took = time.monotonic() - started
    assert isinstance(problem, Problem) and not problem.sent and took < 5
    assert "within 0.6 s (connect timeout); nothing was sent" in problem.message


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_a_flood_of_interim_answers_ends_at_once(status: str) -> None:
    flood = f"HTTP/1.1 {status}\r\n\r\n".encode() * 200_000
    with serving([flood, 5.0]) as server:
        burnt = time.thread_time()
        problem = read(connect(Redactor()), server.address)
        burnt = time.thread_time() - burnt
    assert isinstance(problem, Problem) and (problem.kind, problem.sent) == ("garbled", True)
    assert "more than 32 answers (1xx) before the answer" in problem.message
    assert burnt < 0.5


def test_some_interim_answers_are_skipped() -> None:
    some = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" * 8
    with serving([some, *(plain(b"Hello") or ())]) as server:
        attempt = connect(Redactor())
        assert [read(attempt, server.address) for _ in range(2)] == [b"Hello"] * 2
    assert server.guests == 1


def test_silence_calls_back_and_what_that_raises_ends_the_wait() -> None:
    calls = iter(range(3))

    def on_idle() -> None:
        if next(calls) == 2:
            raise SystemExit(141)

    with serving([9.0]) as server:
        started = time.monotonic()
        with pytest.raises(SystemExit):
            read(connect(Redactor(), on_idle), server.address, idle=9)
        assert 0.5 < time.monotonic() - started < 5
        assert server.closed.wait(5)


# ---- heads and bodies ----------------------------------------------------------------------------

HI = b"content-length: 2\r\n\r\nHi"
BODIES: dict[str, tuple[bytes, bytes]] = {
    "a length": (HEAD + HI, b"Hi"),
    "nothing": (HEAD + b"content-length: 0\r\n\r\n", b""),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "the same length twice": (HEAD + b"content-length: 2\r\n" + HI, b"Hi"),
    "chunks": (CHUNKED + b"2\r\nHi\r\n3;x=y\r\n, y\r\n0\r\n\r\n", b"Hi, y"),
    "chunks and a trailer": (CHUNKED + b"2\r\nHi\r\n0\r\nx: y\r\n\r\n", b"Hi"),
    "a chunk of line ends": (CHUNKED + b"6\r\n\r\n0\r\n\n\r\n1\r\n!\r\n0\r\n\r\n", b"\r\n0\r\n\n!"),
    "sizes with zeros": (CHUNKED + b"02\r\nHi\r\n00\r\n\r\n", b"Hi"),
    "no reason": (b"HTTP/1.1 200\r\n" + HI, b"Hi"),
    "bare line ends": (b"HTTP/1.1 200 OK\ncontent-length: 2\n\nHi", b"Hi"),
}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096])
@pytest.mark.parametrize("name", BODIES)
def test_an_answer_is_the_same_however_it_is_cut(name: str, size: int) -> None:
    data, wanted = BODIES[name]
    steps = [data[at : at + size] for at in range(0, len(data), size)]
    with serving([step for each in steps for step in (each, 0.0005)]) as server:
        attempt = connect(Redactor())
        assert [read(attempt, server.address) for _ in range(2)] == [wanted, wanted]


def test_pieces_come_as_they_come_also_within_a_chunk() -> None:
    words = [b"one ", b"two ", b"three"]
    large = CHUNKED + b"d\r\n"
    with serving(
        [large, *(step for word in words for step in (word, 0.15)), b"\r\n0\r\n\r\n"]
    ) as it:
        opened = ask(connect(Redactor()), it.address).unwrap()
        came = [(piece.unwrap(), time.monotonic()) for piece in opened.chunks]
        opened.close()
    assert [piece for piece, _ in came] == words
    assert came[-1][1] - came[0][1] > 0.2


def test_chunks_that_are_there_come_as_one_piece() -> None:
    both = CHUNKED + chunk(b"one ") + chunk(b"two ")
    with serving([both, 0.15, chunk(b"three") + b"0\r\n\r\n"]) as server:
        opened = ask(connect(Redactor()), server.address).unwrap()
        assert [piece.unwrap() for piece in opened.chunks] == [b"one two ", b"three"]


def test_what_came_before_the_damage_is_told() -> None:
    with serving([CHUNKED + chunk(b"one ") + chunk(b"two ") + b"5zz\r\n", CLOSE]) as server:
        opened = ask(connect(Redactor()), server.address).unwrap()
        *good, bad = opened.chunks
        opened.close()
    assert b"".join(piece.unwrap() for piece in good) == b"one two "
    assert "no chunk begins with b'5zz" in bad.failure().message


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n", "does not speak HTTP: ssh-2.0-openssh_9"),
        (b"HTTP/2 200\r\n\r\n", "does not speak HTTP: http/2"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "does not speak HTTP: http/1.1 2000 ok"),
        (b"HTTP/1.1 OK\r\n\r\n", "does not speak HTTP: http/1.1 ok"),
        (HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\n", "unmatching values"),
        (HEAD + b"x: " + b"y" * 70_000, "header line"),
        (HEAD + b"x: y\r\n" * 200, "more than 100 headers"),
        (HEAD + b"content-length: 5\r\n\r\nHi", "ended 3 bytes before the answer did"),
        (CHUNKED + b"5\r\nHi", "ended before the last chunk"),
        (CHUNKED + b"2\r\nHi\r\n", "ended before the last chunk"),
        (CHUNKED + b"zz\r\nHi\r\n", "no chunk begins with b'zz"),
        (CHUNKED + b"0" * 70_000, "no chunk begins with a line like this"),
    ],
)
def test_what_is_no_answer_is_said(data: bytes, expected: str) -> None:
    with serving([data, CLOSE]) as server:
        problem = read(connect(Redactor()), server.address)
    assert isinstance(problem, Problem) and (problem.kind, problem.sent) == ("garbled", True)
    assert expected in problem.message


# ---- TLS -----------------------------------------------------------------------------------------


def test_all_threads_share_one_context() -> None:
    transports = Transports()
    start = threading.Barrier(8)

    def one(_: int) -> ssl.SSLContext:
        start.wait()
        return transports.get(LIMITS).unwrap().context()

    with ThreadPoolExecutor(8) as pool:
        (context,) = {*pool.map(one, range(8))}
    other = transports.get(replace(LIMITS, ca_bundle=certificates().authority)).unwrap().context()
    assert other is not context


def test_a_connection_more_loads_no_certificate_more() -> None:
    way = make_transport(certificates().authority).unwrap()
    trusted = len(way.context().get_ca_certs())
    goodbye = plain(b"Hello", headers="connection: close\r\n")
    with serving(goodbye, tls=certificates().server()) as server:
        for _ in range(4):
            clock = Deadline(2.0, time.monotonic() + 5)
            opened = open_response(way, to(server.address), {}, clock, Redactor()).unwrap()
            assert [*opened.chunks] == [Success(b"Hello")]
            opened.close()
    assert server.guests == 4 and len(way.context().get_ca_certs()) == trusted


def test_a_tunnel_within_tls_is_used_again() -> None:
    tls = certificates().server()
    with serving(plain(b"Hello"), tls=tls) as server, listening(http, tls) as proxy:
        attempt, bundle = connect(Redactor()), certificates().authority
        way = {"proxy": proxy.address("https"), "ca_bundle": bundle}
        assert [read(attempt, server.address, **way) for _ in range(3)] == [b"Hello"] * 3
    assert server.guests == 1 and len(proxy.went) == 1


def test_an_early_refusal_is_heard_over_tls() -> None:
    refusal = plain(b"Too long.", 413, "connection: close\r\n")[0]

    def attend(guest: socket.socket) -> None:
        with suppress(OSError), tls.wrap_socket(guest, server_side=True) as safe:
            safe.recv(65536)
            safe.sendall(refusal)  # type: ignore[arg-type]
            time.sleep(0.5)

    tls = certificates().server()
    with attended(attend) as port:
        where, bundle = f"https://127.0.0.1:{port}", certificates().authority
        opened = ask(connect(Redactor()), where, content=b"x" * 5_000_000, ca_bundle=bundle, idle=3)
    assert opened.unwrap().status == 413
    opened.unwrap().close()


def test_a_forked_process_has_connections_of_its_own() -> None:
    with serving(plain(b"Hello")) as server:
        attempt = connect(Redactor())
        assert read(attempt, server.address) == b"Hello"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of threads, which the child does without
            child = os.fork()
        if child == 0:  # pragma: no cover
            os._exit(read(attempt, server.address) != b"Hello")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert read(attempt, server.address) == b"Hello"
    assert server.guests == 2


def test_a_secret_in_what_is_no_answer_is_not_told() -> None:
    secret = "mArK-in-a-chunk-kRaM"
    for data in (f"{'x' * 290}{secret}\r\n".encode(), CHUNKED + f"{secret}\r\n".encode()):
        with serving([data, CLOSE]) as server:
            problem = read(connect(Redactor(secret)), server.address)
        assert isinstance(problem, Problem) and problem.kind == "garbled"
        assert "mark-in" not in problem.message.lower()
