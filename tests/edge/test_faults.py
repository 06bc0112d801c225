"""Everything that goes wrong on the way, as the command tells it: attempts, waits, code, words."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

import pytest
from commands import Home
from servers import (
    ANSWER,
    CLOSE,
    RESET,
    Asked,
    Script,
    Server,
    Step,
    chunk,
    delta,
    plain,
    serving,
    streamed,
)

SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
BOMB = gzip.compress(b"x" * 80_000_000, 9)
WORDS = delta("Hel")


@dataclass(frozen=True)
class Fault:
    """A server (one script a request, the last for ever) and what becomes of a call to it."""

    name: str
    scripts: tuple[Script | Callable[[Asked], Script], ...]
    code: int
    asked: int  # requests that reach the server
    message: str = ""  # on stderr
    flags: str = ""
    extra: str = ""  # of the client, a line each
    out: str = ""  # on stdout
    seconds: tuple[float, float] = (0, 3)  # between the first request and the end
    sent: bool | None = None  # as ``-o json`` tells it


def error(status: int, message: str = "Not now.", headers: str = "", **more: Any) -> list[Step]:
    """A refusal in the shape of OpenAI's."""
    return plain({"error": {"message": message, **more}}, status, headers)


def zipped(data: bytes, status: int = 200, kind: str = "text/event-stream") -> list[Step]:
    """An answer that is packed already."""
    return plain(data, status, f"content-encoding: gzip\r\ncontent-type: {kind}\r\n")


def hint(status: int, *headers: str) -> list[Step]:
    """A refusal that says when to come back."""
    return error(status, headers="".join(f"{header}\r\n" for header in headers))


def in_two_seconds(asked: Asked) -> Script:
    """A refusal with a date, which has whole seconds."""
    return hint(429, f"retry-after: {formatdate(time.time() + 2, usegmt=True)}")


def bucket(kind: str, left: int, reset: str) -> tuple[str, str]:
    """How OpenAI and those like it tell what is left of a limit."""
    return f"x-ratelimit-remaining-{kind}: {left}", f"x-ratelimit-reset-{kind}: {reset}"


def claude_bucket(kind: str, left: int, seconds: float) -> tuple[str, str]:
    """How Anthropic tells it."""
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    name = f"anthropic-ratelimit-{kind}"
    return f"{name}-remaining: {left}", f"{name}-reset: {then}"


HELLO = "Hello.\n"
RETRY_INFO: dict[str, Any] = {"details": [{"@type": "google.rpc.RetryInfo", "retryDelay": "0.2s"}]}
HEADERS = b"".join(b"x-%d: y\r\n" % number for number in range(200))

FAULTS = [
    # ---- no answer
    Fault(
        "reset before headers",
        ((RESET,), ANSWER),
        asked=2,
        code=0,
        out=HELLO,
    ),
    Fault(
        "closed before headers",
        (None, ANSWER),
        asked=2,
        code=0,
        out=HELLO,
    ),
    Fault(
        "reset for ever", ((RESET,),), 69, 3, "closed the connection before an answer", sent=True
    ),
    Fault(
        "stall before headers",
        ([9.0], ANSWER),
        69,
        1,
        "sent nothing for 0.4 s (idle timeout); the request had been sent",
        sent=True,
    ),
    Fault(
        "stall, to be asked again",
        ([9.0], ANSWER),
        extra="retry_after_send: true",
        asked=2,
        code=0,
        out=HELLO,
    ),
    Fault(
        "stall, total first",
        ([9.0],),
        69,
        1,
        "within 4 s for everything (total timeout); the request had been sent",
        "--idle-timeout 5 --timeout 4",
        seconds=(0.5, 4.8),
    ),
    Fault(
        "headers that drip",
        ([b"HTTP/1.1 200 OK\r\n", *[step for _ in range(80) for step in (b"a", 0.1)]],),
        69,
        1,
        "within 4 s for everything",
        "--timeout 4",
        seconds=(0.5, 4.8),
    ),
    Fault(
        "a chain of interim answers",
        ([step for _ in range(80) for step in (b"HTTP/1.1 100 Continue\r\n\r\n", 0.3)],),
        69,
        1,
        "within 4 s for everything",
        "--timeout 4",
        seconds=(0.5, 4.8),
    ),
    Fault(
        "endless headers", ([b"HTTP/1.1 200 OK\r\n", HEADERS, 9.0],), 76, 1, "more than 100 headers"
    ),
    Fault(
        "a header without end",
        ([b"HTTP/1.1 200 OK\r\nx: ", b"y" * 99999, 9.0],),
        76,
        1,
        "header line",
    ),
    Fault(
        "another protocol",
        ([b"SSH-2.0-OpenSSH_9.6\r\n", CLOSE],),
        76,
        1,
        "does not speak HTTP: ssh-",
    ),
    # ---- half an answer
    Fault(
        "reset mid-body",
        ([*streamed(WORDS, end=False), 0.1, RESET],),
        76,
        1,
        "broke off",
        out="Hel",
    ),
    Fault(
        "closed mid-body",
        ([*streamed(WORDS, end=False), CLOSE],),
        76,
        1,
        "broke off",
        out="Hel",
        sent=True,
    ),
    Fault(
        "stall mid-stream",
        (streamed(WORDS, 9.0), ANSWER),
        76,
        1,
        "nothing came for 0.4 s (idle timeout) in the middle of the answer",
        out="Hel",
        sent=True,
    ),
    Fault(
        "slow drip",
        (streamed(WORDS, *[step for _ in range(80) for step in (b": wait\n\n", 0.1)]),),
        76,
        1,
        "not whole within 4 s for everything",
        "--timeout 4",
        out="Hel",
        seconds=(0.5, 4.8),
    ),
    Fault(
        "stall near the end of the time",
        (streamed(WORDS, 0.3, delta("lo"), 9.0),),
        76,
        1,
        "within 4 s for everything",
        "--timeout 4 --idle-timeout 5",
        out="Hello",
        seconds=(0.5, 4.8),
    ),
    Fault(
        "broken before the first word",
        ([*streamed(b": hi\n\n", end=False), CLOSE], ANSWER),
        asked=2,
        code=0,
        out=HELLO,
    ),
    Fault(
        "ended before the first word",
        (streamed(b": hi\n\n"), ANSWER),
        asked=2,
        code=0,
        out=HELLO,
    ),
    Fault(
        "stall before the first word",
        (streamed(b": hi\n\n", 9.0), ANSWER),
        69,
        1,
        "nothing came for 0.4 s (idle timeout)",
        sent=True,
    ),
    Fault(
        "no end mark",
        (streamed(WORDS),),
        76,
        1,
        "the stream ended before the answer did",
        out="Hel",
    ),
    Fault(
        "error event first",
        (streamed(b'data: {"error":{"message":"Busy.","code":429}}\n\n'), ANSWER),
        asked=2,
        code=0,
        out=HELLO,
    ),
    Fault(
        "error event after a word",
        (streamed(WORDS, b'data: {"error":{"message":"Busy.","code":429}}\n\n'), ANSWER),
        76,
        1,
        "garbled: Busy.",
        out="Hel",
    ),
    Fault(
        "no credit in the first event",
        (streamed(b'data: {"error":{"message":"Pay.","code":"insufficient_quota"}}\n\n'), ANSWER),
        81,
        1,
        "quota: Pay.",
    ),
    Fault(
        "truncated chunk",
        ([SSE + b"transfer-encoding: chunked\r\n\r\n", b"400\r\n" + WORDS, CLOSE],),
        76,
        1,
        "broke off",
        out="Hel",
    ),
    Fault(
        "no chunk",
        ([SSE + b"transfer-encoding: chunked\r\n\r\n", chunk(WORDS), b"zz\r\n"],),
        76,
        1,
        "no chunk begins with",
        out="Hel",
    ),
    Fault(
        "content-length too long",
        ([SSE + b"content-length: 5000\r\n\r\n", WORDS, CLOSE],),
        76,
        1,
        "broke off",
        out="Hel",
    ),
    Fault(
        "content-length too short",
        ([SSE + b"content-length: 30\r\n\r\n", WORDS, CLOSE],),
        76,
        3,
        "ended before the answer",
    ),
    # ---- no answer of the protocol
    Fault(
        "200 with HTML",
        (plain(b"<html>Sign in</html>", headers="content-type: text/html\r\n"),),
        76,
        1,
        "not a stream of events: <html>Sign in</html>",
    ),
    Fault(
        "200 with HTML, whole",
        (plain(b"<html>Sign in</html>"),),
        76,
        1,
        "the answer is not JSON: <html>",
        "-S",
    ),
    Fault("empty 200", (plain(b""),), 76, 1, "the answer is empty"),
    Fault("empty 200, whole", (plain(b""),), 76, 1, "the answer is not JSON", "-S"),
    Fault(
        "invalid UTF-8",
        (streamed(WORDS, b"data: {\xff\xfe}\n\n"),),
        76,
        1,
        "the answer is not JSON",
        out="Hel",
    ),
    # ---- attacks
    Fault("gzip bomb", (zipped(BOMB),), 76, 1, "over 64 MiB", "--idle-timeout 5", seconds=(0, 9)),
    Fault(
        "gzip bomb, whole",
        (zipped(BOMB, kind="application/json"),),
        76,
        1,
        "over 64 MiB",
        "-S --idle-timeout 5",
        seconds=(0, 9),
    ),
    Fault("gzip bomb as an error", (zipped(BOMB, 400),), 65, 1, "HTTP 400: xxx"),
    Fault("no gzip", (zipped(b"no gzip at all"),), 76, 1, "cannot be unpacked"),
    Fault(
        "a chunk line without end",
        ([SSE + b"transfer-encoding: chunked\r\n\r\n", b"0" * 99999, 9.0],),
        76,
        3,
        "no chunk begins with",
    ),
    Fault("nested JSON as an error", (plain(b"[" * 90000, 400),), 65, 1, "HTTP 400: [[["),
    # ---- refusals that may pass
    *(
        Fault(
            f"{status} and then an answer",
            (hint(status, "retry-after-ms: 10"), ANSWER),
            asked=2,
            code=0,
            out=HELLO,
        )
        for status in (408, 409, 425, 500, 502, 503, 504, 529)
    ),
    Fault(
        "429 in milliseconds",
        (hint(429, "retry-after-ms: 300"), ANSWER),
        asked=2,
        seconds=(0.3, 2),
        code=0,
        out=HELLO,
    ),
    Fault(
        "429 in fractions",
        (hint(429, "retry-after: 0.3"), ANSWER),
        asked=2,
        seconds=(0.3, 2),
        code=0,
        out=HELLO,
    ),
    Fault(
        "429 with a date",
        (in_two_seconds, ANSWER),
        asked=2,
        seconds=(0.9, 3.5),
        code=0,
        out=HELLO,
    ),
    Fault(
        "429 of OpenAI",
        (hint(429, *bucket("requests", 9, "9m"), *bucket("tokens", 0, "300ms")), ANSWER),
        asked=2,
        seconds=(0.3, 2),
        code=0,
        out=HELLO,
    ),
    Fault(
        "429 of Azure",
        (hint(429, *bucket("tokens", 0, "1")), ANSWER),
        asked=2,
        seconds=(1, 2.5),
        code=0,
        out=HELLO,
    ),
    Fault(
        "429 of Gemini",
        (error(429, **RETRY_INFO), ANSWER),
        asked=2,
        seconds=(0.2, 2),
        code=0,
        out=HELLO,
    ),
    Fault(
        "429 of Groq, long",
        (hint(429, *bucket("requests", 0, "6m0s")),),
        75,
        1,
        "the server asks to wait 360 s, until ",
    ),
    Fault(
        "429 of Anthropic, long",
        (hint(429, *claude_bucket("tokens", 0, 9990), *claude_bucket("requests", 3, 9999)),),
        75,
        1,
        "the server asks to wait 9",  # 10,000 s from when this file was read
    ),
    Fault(
        "503 for an hour",
        (hint(503, "retry-after: 3600"),),
        75,
        1,
        "the server asks to wait 3600 s, until ",
    ),
    Fault(
        "429 for ever",
        (hint(429, "retry-after-ms: 20"),),
        75,
        3,
        "busy: Not now. (after 3 attempts)",
    ),
    Fault(
        "500 for ever", (error(500),), 69, 3, "offline: Not now. (after 3 attempts)", seconds=(0, 4)
    ),
    Fault(
        "503 and not again", (hint(503, "x-should-retry: false"),), 69, 1, "offline: Not now. (503)"
    ),
    Fault(
        "400 and again",
        (hint(400, "x-should-retry: true", "retry-after-ms: 10"), ANSWER),
        asked=2,
        code=0,
        out=HELLO,
    ),
    # ---- refusals that stay
    Fault(
        "429 without credit",
        (error(429, "Pay.", type="insufficient_quota"), ANSWER),
        81,
        1,
        "quota: Pay.",
    ),
    Fault(
        "400 without credit",
        (error(400, "Your credit balance is too low."),),
        81,
        1,
        "quota: Your credit",
    ),
    Fault("402", (error(402),), 81, 1, "quota: "),
    Fault("401", (error(401),), 77, 1, "auth: Not now; client "),
    Fault("403", (error(403),), 77, 1, "auth: Not now; client "),
    Fault("404", (error(404),), 78, 1, "config: Not now."),
    Fault("422", (error(422),), 65, 1, "input: Not now."),
    Fault(
        "307",
        (plain(b"", 307, "location: https://u:p@else.example/v1?key=hidden&next=1\r\n"),),
        78,
        1,
        "redirected to https://***@else.example/v1?key=***&next=1, which is not followed",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_told_as_what_it_is(home: Home, fault: Fault) -> None:
    with serving(*fault.scripts) as server:
        done, seconds = call(home, server, fault)
    assert (done.code, done.out, len(server.asked)) == (fault.code, fault.out, fault.asked), (
        done.err
    )
    assert fault.message in done.err and "Traceback" not in done.err
    assert fault.seconds[0] <= seconds <= fault.seconds[1], seconds
    if fault.sent is not None:
        with serving(*fault.scripts) as server:
            done, _ = call(home, server, fault, "-o", "json")
        assert json.loads(done.err.splitlines()[-1])["sent"] is fault.sent


def call(home: Home, server: Server, fault: Fault, *words: str) -> tuple[Any, float]:
    """Ask a server, and how long it took from the first request."""
    extra = "".join(f"  {line}\n" for line in fault.extra.splitlines())
    home.local(server.address, client=f"extra:\n  idle_timeout: 0.4\n  max_retries: 2\n{extra}")
    done = home.run(*fault.flags.split(), *words, "Hi")
    return done, time.monotonic() - min(server.times)
