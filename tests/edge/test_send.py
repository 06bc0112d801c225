"""What the network does to a request, over real sockets: attempts, waits, kinds and messages."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from returns.result import Result, Success
from servers import (
    CLOSE,
    COUNTED,
    DONE,
    Asked,
    Script,
    Server,
    delta,
    plain,
    reply,
    serving,
    streamed,
)
from support import config

from loki.edge.env import make_env
from loki.messages import Message
from loki.pipeline import Env, answer, stream
from loki.problems import Problem
from loki.records import Ask, Limits
from loki.replies import Reply
from loki.stages.parse import collect

QUICK = Limits(connect=2, idle=2, total=10, retries=2, max_wait=1)


def env_for(server: Server) -> Env:
    entry = {"type": "openai-compatible", "name": "local", "api_base": server.address}
    return make_env(config({**entry, "access_token": "tok"}), {})


def ask(**limits: Any) -> Ask:
    wanted = replace(QUICK, **limits)
    return Ask((Message("user", "Hi"),), model="local:m", stream=False, limits=wanted)


def asked(server: Server, streaming: bool = False, **limits: Any) -> Result[Reply, Problem]:
    if not streaming:
        return answer(env_for(server), ask(**limits))
    return stream(env_for(server), replace(ask(**limits), stream=True)).bind(collect)


GOOD = plain(reply())
BUSY = plain({"error": {"message": "Slow down."}}, 429, "retry-after-ms: 10\r\n")


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_busy_and_failing_servers_are_asked_again(status: int) -> None:
    bad = plain({"error": {"message": "Not now."}}, status, "retry-after-ms: 10\r\n")
    with serving(bad, bad, GOOD) as server:
        got = asked(server).unwrap()
    assert (got.text, got.attempts, len(server.asked)) == ("Hello.", 3, 3)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"message": "Bad."}, "input"),
        (401, {"message": "No key."}, "auth"),
        (403, {"message": "Not you."}, "auth"),
        (404, {"message": "No such model."}, "config"),
        (413, {"message": "Too long."}, "input"),
        (422, {"message": "What?"}, "input"),
        (402, {"message": "Pay."}, "quota"),
        (429, {"message": "No credit.", "type": "insufficient_quota"}, "quota"),
    ],
)
def test_what_retrying_cannot_cure_is_asked_once(status: int, error: Any, kind: str) -> None:
    with serving(plain({"error": error}, status)) as server:
        problem = asked(server).failure()
    message, _, place = problem.message.partition("; client ")
    expected = (kind, error["message"].rstrip("."), 1)
    assert (problem.kind, message.rstrip("."), len(server.asked)) == expected
    assert bool(place) == (kind == "auth")  # whose credential it was, and where it came from


def test_a_server_that_stays_busy_is_given_up_with_what_it_said() -> None:
    with serving(BUSY) as server:
        problem = asked(server).failure()
    assert problem.kind == "busy" and problem.message == "Slow down. (after 3 attempts)"
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("hint", "waited"),
    [
        ("retry-after-ms: 300", 0.3),
        ("retry-after: 0.3", 0.3),
        (None, 0.0),
    ],
)
def test_the_server_s_own_wait_goes_first(hint: str | None, waited: float) -> None:
    head = f"{hint}\r\n" if hint else ""
    with serving(plain({"error": "later"}, 503, head), GOOD) as server:
        asked(server).unwrap()
    first, second = server.times
    assert second - first >= waited


def test_a_wait_as_a_date_is_understood() -> None:
    date = formatdate(time.time() + 100, usegmt=True)
    with serving(plain({"error": "later"}, 429, f"retry-after: {date}\r\n")) as server:
        problem = asked(server).failure()
    assert problem.retry_at is not None and abs(problem.retry_at - time.time() - 100) < 5
    assert "the server asks to wait" in problem.message and len(server.asked) == 1


def test_longer_waits_than_allowed_end_at_once() -> None:
    with serving(plain({"error": "later"}, 429, "retry-after: 5\r\n")) as server:
        started = time.monotonic()
        problem = asked(server).failure()
    assert time.monotonic() - started < 4
    assert problem.kind == "busy" and problem.retry_at is not None
    assert "the server asks to wait 5 s" in problem.message


def test_x_should_retry_is_obeyed_both_ways() -> None:
    never = plain({"error": "no"}, 503, "x-should-retry: false\r\n")
    with serving(never, GOOD) as server:
        assert asked(server).failure().kind == "offline"
    assert len(server.asked) == 1
    please = plain({"error": "yes"}, 400, "x-should-retry: true\r\n")
    with serving(please, GOOD) as server:
        assert asked(server).unwrap().attempts == 2


def test_a_connection_that_breaks_before_the_answer_is_tried_again() -> None:
    with serving(None, GOOD) as server:
        assert asked(server).unwrap().attempts == 2


def test_nobody_listening_is_said_after_all_attempts() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    problem = asked(Server([], port=port), retries=1).failure()
    assert problem.kind == "offline" and not problem.sent
    assert (
        problem.message
        == f"no connection to 127.0.0.1:{port}: connection refused (after 2 attempts)"
    )


def test_silence_after_sending_is_not_asked_again_unless_allowed() -> None:
    with serving([5.0]) as server:
        problem = asked(server, idle=0.3).failure()
        assert problem.kind == "offline" and problem.sent and len(server.asked) == 1
        assert "sent nothing for 0.3 s (idle timeout); the request had been sent" in problem.message
    with serving([5.0], GOOD) as server:
        assert asked(server, idle=0.3, retry_after_send=True).unwrap().attempts == 2


def test_the_total_time_is_named_when_it_ended_the_waiting() -> None:
    with serving([5.0]) as server:
        problem = asked(server, idle=4, total=0.5).failure()
    assert "sent nothing within 0.5 s for everything" in problem.message


def test_a_wait_without_end_is_not_asked_again() -> None:
    with serving(plain({"error": "later"}, 429, f"retry-after: {'9' * 30}\r\n")) as server:
        assert asked(server).failure().kind == "busy"
    assert len(server.asked) == 1


def test_a_stream_that_stalls_ends_after_the_idle_time() -> None:
    with serving(streamed(delta("Hel"), 5.0)) as server:
        problem = asked(server, streaming=True, idle=0.3).failure()
    assert "nothing came for 0.3 s (idle timeout) in the middle of the answer" in problem.message
    assert problem.kind == "garbled" and problem.sent and len(server.asked) == 1


def test_the_total_time_holds_over_all_attempts() -> None:
    slow = plain({"error": "later"}, 503, "retry-after: 0.4\r\n")
    with serving(slow) as server:
        started = time.monotonic()
        problem = asked(server, total=1.0, retries=50).failure()
    assert problem.kind == "offline" and time.monotonic() - started < 5
    assert len(server.asked) <= 3


def test_a_drip_ends_with_the_total_time() -> None:
    drip = [step for _ in range(100) for step in (b": wait\n\n", 0.1)]
    with serving(streamed(delta("Hel"), *drip)) as server:
        started = time.monotonic()
        problem = asked(server, streaming=True, total=0.8).failure()
    assert time.monotonic() - started < 5 and "not whole within 0.8 s" in problem.message


FULL = streamed(delta("Hel"), delta("lo."), delta(None, "stop"), COUNTED, DONE)
LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (FULL[:3], "the answer broke off"),
        (streamed(delta("Hel")), "the stream ended before the answer did"),
        ([FULL[0], b"zz\r\nnot a chunk"], "the answer broke off"),
        ([LENGTH + delta("Hel")], "the answer broke off"),
        (plain(b"<html>Sign in</html>"), "not a stream of events: <html>Sign in</html>"),
        (plain(b""), "the answer is empty"),
        (streamed(b"data: {\xff\xfe}\n\n"), "the answer is not JSON"),
        (streamed(b"data: [1,2\n\n"), "the answer is not JSON"),
    ],
)
def test_a_broken_stream_is_never_a_success(script: Script, message: str) -> None:
    with serving([*(script or ()), CLOSE]) as server:
        problem = asked(server, streaming=True).failure()
    assert problem.kind == "garbled" and problem.sent
    assert message in problem.message


def test_a_server_that_minds_counting_is_asked_without() -> None:
    def picky(asked: Asked) -> Script:
        if "stream_options" in asked.json:
            return plain({"detail": "Unknown field: stream_options"}, 422)
        return streamed(delta("Hello."), delta(None, "stop"), DONE)

    with serving(picky) as server:
        got = asked(server, streaming=True).unwrap()
    assert got.text == "Hello." and got.usage.output is None
    assert ["stream_options" in each.json for each in server.asked] == [True, False]


def test_redirects_are_not_followed() -> None:
    with serving(plain(b"", 307, "location: http://127.0.0.1:9/elsewhere\r\n")) as server:
        problem = asked(server).failure()
    assert problem.kind == "config" and "http://127.0.0.1:9/elsewhere" in problem.message
    assert len(server.asked) == 1


def test_netrc_never_replaces_our_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with serving(GOOD) as server:
        asked(server).unwrap()
    assert server.asked[0].headers["authorization"] == "Bearer tok"


def test_a_password_in_the_address_does_not_replace_the_token() -> None:
    with serving(GOOD) as server:
        where = f"http://user:pass@127.0.0.1:{server.port}"
        entry = {"type": "openai-compatible", "name": "local", "api_base": where}
        env = make_env(config({**entry, "access_token": "tok"}), {})
        answer(env, ask()).unwrap()
    assert server.asked[0].headers["authorization"] == "Bearer tok"


def test_a_proxy_gets_the_request_and_a_dash_goes_around_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(GOOD) as server, serving(plain(reply("By proxy."))) as proxy:
        assert asked(server, proxy=proxy.address).unwrap().text == "By proxy."
        assert proxy.asked[0].line == f"POST {server.address}/chat/completions HTTP/1.1"
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.address)
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NO_PROXY", "")
        assert asked(server).unwrap().text == "By proxy."
        assert asked(server, proxy="-").unwrap().text == "Hello."
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert asked(server).unwrap().text == "Hello."


def test_the_request_is_what_was_drafted_and_no_more() -> None:
    with serving(GOOD) as server:
        asked(server).unwrap()
    (seen,) = server.asked
    assert seen.line == "POST /chat/completions HTTP/1.1"
    assert seen.json == {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    assert set(seen.headers) == {
        "host",
        "content-type",
        "content-length",
        "user-agent",
        "authorization",
        "accept-encoding",
    }


def test_leaving_a_stream_closes_the_connection() -> None:
    with serving(streamed(delta("Hel"), 10.0)) as server:
        events = stream(env_for(server), replace(ask(), stream=True)).unwrap()
        assert isinstance(next(events), Success)
        events.close()
        assert server.closed.wait(5)


def test_answers_that_are_too_large_are_not_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loki.stages.first_event.MAX_EVENT_BYTES", 1000)
    with serving(plain(json.dumps(reply("x" * 2000)).encode())) as server:
        assert "is over" in asked(server).failure().message
