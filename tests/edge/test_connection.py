"""Connections: kept where that is safe, one piece a request, and every way a body may end."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from ssl import SSLContext

import pytest
import responses
from certificates import certificates
from servers import (
    ANSWER,
    CLOSE,
    DONE,
    Script,
    Server,
    attended,
    delta,
    plain,
    read_request,
    reply,
    serving,
    streamed,
)
from support import config

from loki.edge.env import make_env
from loki.messages import Message
from loki.pipeline import Env, answer, stream
from loki.records import Ask, Limits, Patch
from loki.replies import Stream

ASK = Ask((Message("user", "Hi"),), model="local:m", stream=False, limits=Limits(retries=0, idle=2))
GOOD = plain(reply())
HELLO = json.dumps(reply()).encode()


def env_for(address: str, **entry: object) -> Env:
    """A pipeline to a server; nothing is written into a ledger."""
    client = {"type": "openai-compatible", "name": "local", "api_base": address, **entry}
    return make_env(config({**client, "access_token": "tok"}), {}, keep=False)


def body(*steps: bytes | float, head: str = "", status: str = "HTTP/1.1 200 OK") -> Script:
    """An answer by its header lines and what follows them."""
    return [f"{status}\r\ncontent-type: application/json\r\n{head}\r\n".encode(), *steps]


def chunk(data: bytes) -> bytes:
    """A chunk of a body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = "transfer-encoding: chunked\r\n"
LENGTH = f"content-length: {len(HELLO)}\r\n"
KEPT: dict[str, Script] = {
    "a length": GOOD,
    "chunks": body(chunk(HELLO[:9]) + chunk(HELLO[9:]) + b"0\r\n\r\n", head=CHUNKED),
    "chunks one by one": body(
        chunk(HELLO[:9]), 0.01, chunk(HELLO[9:]) + b"0\r\n\r\n", head=CHUNKED
    ),
    "HTTP/1.0": body(HELLO, head=LENGTH + "connection: keep-alive\r\n", status="HTTP/1.0 200 OK"),
    "a late end": body(chunk(HELLO) + b"0\r\n", 0.05, b"\r\n", head=CHUNKED),
    "packed": body(
        packed := gzip.compress(HELLO),
        head=f"content-encoding: gzip\r\ncontent-length: {len(packed)}\r\n",
    ),
}
LEFT: dict[str, Script] = {
    "a farewell": body(HELLO, head=LENGTH + "connection: close\r\n"),
    "no length": body(HELLO, CLOSE),
    "HTTP/1.0": body(HELLO, CLOSE, head=LENGTH, status="HTTP/1.0 200 OK"),
    "more than was said": body(HELLO + b"HTTP/1.1 500 X\r\n\r\n", head=LENGTH),
}


def calls(server: Server, number: int = 4) -> None:
    """Ask some questions, one after the other."""
    env = env_for(server.address)
    for _ in range(number):
        result = answer(env, ASK).unwrap()
        assert (result.text, result.attempts) == ("Hello.", 1)


@pytest.mark.parametrize("name", KEPT)
def test_a_connection_is_kept_for_the_next_call(name: str) -> None:
    with serving(KEPT[name]) as server:
        calls(server)
    assert (server.guests, len(server.asked)) == (1, 4)


@pytest.mark.parametrize("name", LEFT)
def test_a_connection_is_left_where_the_next_answer_would_not_be_ours(name: str) -> None:
    with serving(LEFT[name]) as server:
        calls(server)
    assert (server.guests, len(server.asked)) == (4, 4)


def test_a_connection_behind_tls_is_kept_too() -> None:
    with serving(GOOD, tls=certificates().server()) as server:
        env = env_for(server.address, extra={"ca_bundle": str(certificates().authority)})
        assert all(answer(env, ASK).unwrap().text == "Hello." for _ in range(4))
    assert server.guests == 1


def test_a_server_that_hung_up_meanwhile_is_connected_to_anew() -> None:
    with serving([*GOOD, 0.1, CLOSE]) as server:
        env = env_for(server.address)
        for _ in range(3):
            assert answer(env, ASK).unwrap().attempts == 1
            time.sleep(0.2)
    assert (server.guests, len(server.asked)) == (3, 3)


class Numbered:
    """A server whose every answer repeats the question, and what it does after an answer."""

    def __init__(
        self, after: bytes = b"", ends: bool = False, tls: SSLContext | None = None
    ) -> None:
        self.after, self.ends, self.tls = after, ends, tls
        self.asked: list[str] = []
        self.done = threading.Event()  # all that follows an answer is on its way

    def attend(self, connection: socket.socket) -> None:
        if self.tls is not None:
            connection = self.tls.wrap_socket(connection, server_side=True)
        with connection, suppress(OSError):
            while (asked := read_request(connection)) is not None:
                question = asked.json["messages"][0]["content"]
                self.asked.append(question)
                connection.sendall(whole(reply(question)))
                if self.after:
                    connection.sendall(self.after)
                if self.ends:  # but still sees what is sent to it in vain
                    connection.shutdown(socket.SHUT_WR)
                self.done.set()

    def questions(self, env: Env, number: int, pause: float = 0.0, retries: int = 0) -> list[str]:
        """The answers to 0, 1, 2 and so on, asked one after the other."""
        messages: list[str] = []
        for question in map(str, range(number)):
            self.done.clear()
            asks = replace(
                ASK, messages=(Message("user", question),), limits=Limits(retries=retries)
            )
            messages.append(answer(env, asks).map(lambda reply: reply.text).value_or("none"))
            assert self.done.wait(5)
            time.sleep(pause)
        return messages


def whole(body: object) -> bytes:
    """The bytes of an answer in one piece."""
    return b"".join(step for step in plain(body) if isinstance(step, bytes))


STRAY = {
    "another answer": whole(reply("stray")),
    "a complaint": b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n",
    "a byte": b"\n",
}


@pytest.mark.parametrize("pause", [0.0, 0.001, 0.02, 0.2])
@pytest.mark.parametrize("name", STRAY)
def test_what_comes_after_an_answer_is_never_the_next_answer(name: str, pause: float) -> None:
    server = Numbered(STRAY[name])
    number = 30 if pause < 0.1 else 5
    with attended(server.attend) as port:
        result = server.questions(env_for(f"http://127.0.0.1:{port}"), number, pause)
    assert result == server.asked == [str(each) for each in range(number)]


def test_a_record_of_tls_after_an_answer_is_never_the_next_answer() -> None:
    server = Numbered(STRAY["another answer"], tls=certificates().server())
    with attended(server.attend) as port:
        extra = {"ca_bundle": str(certificates().authority)}
        result = server.questions(env_for(f"https://127.0.0.1:{port}", extra=extra), 10)
    assert result == server.asked == [str(each) for each in range(10)]


@pytest.mark.parametrize("retries", [0, 3])
@pytest.mark.parametrize("pause", [0.0, 0.001, 0.02])
def test_a_server_that_ends_every_connection_is_asked_once_a_call(
    pause: float, retries: int
) -> None:
    server = Numbered(ends=True)
    with attended(server.attend) as port:
        result = server.questions(env_for(f"http://127.0.0.1:{port}"), 30, pause, retries)
    assert result == server.asked == [str(each) for each in range(30)]


def streams(env: Env, number: int = 1) -> list[Stream]:
    """Some answers that have begun."""
    return [stream(env, replace(ASK, stream=True)).unwrap() for _ in range(number)]


def test_a_stream_that_is_heard_to_its_end_leaves_its_connection() -> None:
    with serving(ANSWER) as server:
        env = env_for(server.address)
        assert all(list(each) for _ in range(3) for each in streams(env))
    assert (server.guests, len(server.asked)) == (1, 3)


def test_a_stream_that_is_left_takes_its_connection_along() -> None:
    with serving(streamed(delta("Hel"), 2.0, delta("lo."), DONE), ANSWER) as server:
        env = env_for(server.address)
        (left,) = streams(env)
        next(left)
        left.close()
        assert server.closed.wait(5)
        assert all(list(each) for each in streams(env))
    assert server.guests == 2


def test_streams_at_once_have_connections_of_their_own() -> None:
    with serving(ANSWER) as server:
        env = env_for(server.address)
        both = streams(env, 2)
        assert all(list(each) for each in both)
        assert all(list(each) for each in streams(env))
    assert server.guests == 2


def test_head_and_body_leave_in_one_piece() -> None:
    got: list[bytes] = []

    def serve() -> None:
        with door.accept()[0] as guest:
            for _ in range(2):
                got.append(guest.recv(65536))
                guest.sendall(b"".join(each for each in GOOD if isinstance(each, bytes)))

    with socket.create_server(("127.0.0.1", 0)) as door:
        server = threading.Thread(target=serve)
        server.start()
        env = env_for(f"http://127.0.0.1:{door.getsockname()[1]}/v1")
        assert all(answer(env, ASK).unwrap().text == "Hello." for _ in range(2))
        server.join()
    for piece in got:
        head, _, sent = piece.partition(b"\r\n\r\n")
        assert json.loads(sent)["model"] == "m"
        assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:")
        assert b"\r\nAuthorization: Bearer tok\r\n" in head
    assert got[0] == got[1]


def test_where_a_request_ends_is_not_a_patchs_to_say() -> None:
    patch = Patch(headers={"content-length": "3", "Transfer-Encoding": "chunked", "host": "other"})
    with serving(GOOD) as server:
        env = replace(env_for(server.address), patches=(patch,))
        assert all(answer(env, ASK).unwrap().text == "Hello." for _ in range(2))
    for asked in server.asked:
        assert asked.json["model"] == "m" and asked.headers["host"] == "other"
        assert "transfer-encoding" not in asked.headers


def test_a_refusal_of_a_large_request_is_heard_though_it_is_not_taken() -> None:
    refusal = b'HTTP/1.1 413 X\r\ncontent-length: 34\r\n\r\n{"error": {"message": "Too long."}}'

    def serve() -> None:
        for _ in range(2):
            with door.accept()[0] as guest:
                guest.recv(65536)
                guest.sendall(refusal)
                guest.shutdown(socket.SHUT_WR)
                while guest.recv(65536):  # else a reset would take the refusal with it
                    pass

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=serve, daemon=True).start()
        env = env_for(f"http://127.0.0.1:{door.getsockname()[1]}")
        large = replace(ASK, messages=(Message("user", "x" * 5_000_000),))
        for _ in range(2):
            problem = answer(env, large).failure()
            assert (problem.kind, problem.status) == ("input", 413)


@responses.activate(assert_all_requests_are_fired=True)
def test_the_package_responses_can_stand_in_for_the_network() -> None:
    """Whoever tests a script of his own with it needs no server."""
    where = "http://models.invalid/v1/chat/completions"
    wanted = [
        responses.matchers.header_matcher({"Authorization": "Bearer tok"}),
        responses.matchers.json_params_matcher({"model": "m"}, strict_match=False),
    ]
    responses.post(where, status=503, json={"error": {"message": "Soon."}}, match=wanted)
    responses.post(where, json=reply("Hi there."), headers={"x-request-id": "r1"}, match=wanted)
    env = env_for("http://models.invalid/v1")
    result = answer(env, replace(ASK, limits=Limits(retries=1))).unwrap()
    assert (result.text, result.attempts, result.request_id) == ("Hi there.", 2, "r1")


@responses.activate
def test_what_responses_raises_is_a_problem() -> None:
    problem = answer(env_for("http://models.invalid/v1"), ASK).failure()
    assert (problem.kind, problem.sent) == ("offline", False)
