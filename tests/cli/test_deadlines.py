"""One deadline over everything that a call waits for: stdin, attachments, secrets, tokens."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from commands import BIN, Done, Home
from filelock import FileLock
from servers import ANSWER, Asked, Script, Server, deaf, plain, serving

LIMIT = 2.0  # seconds; whatever drips here does so for twenty
DRIP: Script = [
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 900\r\n\r\n",
    *[step for _ in range(100) for step in (b"a", 0.2)],
]


@pytest.fixture
def server(home: Home) -> Iterator[Server]:
    """A server that answers, and a configuration with it."""
    with serving(ANSWER) as it:
        home.local(it.address)
        yield it


def in_time(run: Callable[[], Done], result: str) -> None:
    """See that a command ends with its time, and says so."""
    started = time.monotonic()
    done = run()
    took = time.monotonic() - started
    assert (done.code, done.out) == (69, ""), done.err
    assert result in done.err and "total timeout" in done.err, done.err
    assert LIMIT - 0.1 < took < LIMIT + 4, took


def shell(home: Home, line: str) -> Done:
    """A line of a shell."""
    run = subprocess.run(
        ["bash", "-c", line], env=home.variables(), cwd=home.folder, capture_output=True, timeout=30
    )
    return Done(run.returncode, run.stdout.decode(), run.stderr.decode())


@pytest.mark.parametrize("words", ["hi", "-f - hi", "--messages - hi"])
@pytest.mark.parametrize("writer", ["sleep 9", "while sleep 0.2; do echo a; done"])
def test_stdin_counts_where_a_limit_was_given(
    home: Home, server: Server, words: str, writer: str
) -> None:
    line = f"exec 3< <({writer}); {BIN}/loki-pipe --timeout {LIMIT} {words} <&3; echo $? >&2"
    started = time.monotonic()
    done = shell(home, f"{{ {line}; }} 2>err; kill $! 2>/dev/null; cat err")
    assert time.monotonic() - started < LIMIT + 4
    assert "stdin did not end within the time for everything" in done.out
    assert done.out.endswith("69\n") and server.asked == []


def test_a_limit_of_the_configuration_counts_for_stdin_too(home: Home, server: Server) -> None:
    home.local(server.address, client="extra:\n  total_timeout: 1\n")
    done = shell(home, f"sleep 3 | {BIN}/loki-pipe -m local:m hi; exit ${{PIPESTATUS[1]}}")
    assert done.code == 69 and "stdin did not end" in done.err


def test_the_default_limit_begins_where_stdin_ends(home: Home, server: Server) -> None:
    done = shell(home, f"(sleep 0.5; echo a) | {BIN}/loki-pipe hi")
    assert (done.code, done.out) == (0, "Hello.\n")
    assert server.asked[0].json["messages"][0]["content"] == "hi\na\n"


def test_stdin_in_time_is_read_whole(home: Home, server: Server) -> None:
    done = shell(home, f"(echo a; sleep 0.3; echo b) | {BIN}/loki-pipe --timeout 20 hi")
    assert (done.code, done.out) == (0, "Hello.\n"), done.err
    assert server.asked[0].json["messages"][0]["content"] == "hi\na\nb\n"


def test_an_attachment_that_drips_ends_with_the_time(home: Home, server: Server) -> None:
    with serving(DRIP) as pages:
        words = ("--timeout", str(LIMIT), "-f", f"{pages.address}/a.txt", "Read")
        in_time(lambda: home.run(*words), "cannot fetch")
    assert server.asked == []


def test_a_command_for_a_secret_ends_with_the_time(home: Home, server: Server) -> None:
    home.local(server.address, client="api_key_cmd: sleep 20\n")
    in_time(lambda: home.run("--timeout", str(LIMIT), "Hi"), "the command did not end")
    assert server.asked == []


def logged_in(home: Home, server: Server, pages: Server) -> None:
    """A client with an old login, and the server where it is renewed."""
    lines = (
        "auth: oauth\n"
        "oauth:\n"
        "  client_id: me\n"
        f"  authorize_url: {pages.address}/authorize\n"
        f"  token_url: {pages.address}/token\n"
    )
    home.local(server.address, client=lines)
    folder = home.folder / "oauth"
    folder.mkdir(mode=0o700)
    held = {"access": "old", "refresh": "again", "obtained": 0, "expires": 1}
    file = folder / "local.json"
    file.write_text(json.dumps(held))
    file.chmod(0o600)


@pytest.mark.parametrize("script", [DRIP, [20.0]], ids=["drips", "says nothing"])
def test_a_token_that_is_late_ends_with_the_time(
    home: Home, server: Server, script: Script
) -> None:
    with serving(script) as pages:
        logged_in(home, server, pages)
        in_time(
            lambda: home.run("--timeout", str(LIMIT), "Hi"),
            f"no token from {pages.address} within 2 s for everything (total timeout)\n",
        )
    assert server.asked == []


def test_a_token_endpoint_that_takes_no_connection_names_that_limit(
    home: Home, server: Server
) -> None:
    with deaf() as port:
        logged_in(home, server, Server([], port=port))
        done = home.run("--connect-timeout", "0.5", "--retries", "0", "Hi")
    end = f"no token from http://127.0.0.1:{port} within 0.5 s (connect timeout)"
    assert done.code == 69 and end in done.err


def test_a_token_that_another_process_renews_is_waited_for_in_time(
    home: Home, server: Server
) -> None:
    with serving(plain(b"{}")) as pages:
        logged_in(home, server, pages)
        with FileLock(home.folder / "oauth" / "local.json.lock"):
            in_time(
                lambda: home.run("--timeout", str(LIMIT), "Hi"), "another process has been renewing"
            )


def test_what_came_before_shortens_what_is_left_for_the_answer(home: Home, server: Server) -> None:
    def slow(asked: Asked) -> Script:
        return [9.0]

    with serving(slow) as late:
        home.local(late.address, client="api_key_cmd: sleep 1; echo key\n")
        in_time(lambda: home.run("--timeout", str(LIMIT), "Hi"), "sent nothing within 2 s")
        assert len(late.asked) == 1


def test_documents_to_rank_are_waited_for_in_time(home: Home, server: Server) -> None:
    (home.folder / "config.yaml").write_text(
        "clients:\n  - type: cohere\n    api_key: k\n"
        f"    api_base: {server.address}\n    models:\n      - {{name: r, type: reranker}}\n"
    )
    command = f"{BIN}/loki-rerank -m cohere:r --timeout {LIMIT} which"
    line = f"{command} < <(exec 2>/dev/null; echo a; sleep 9)"
    in_time(
        lambda: shell(home, line),
        "stdin did not end",
    )
    assert server.asked == []
