"""The way to a server: names, sockets, certificates, time limits, and what is said of each."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import AUTHORITY, certificates
from commands import Done, Home, with_environ
from servers import ANSWER, DONE, Server, deaf, delta, plain, serving, streamed

from loki.edge.http.certificates import BUNDLES


def ask(home: Home, address: str, *words: str, **extra: object) -> Done:
    """Ask a server, with some settings of its client."""
    lines = "".join(f"  {name}: {value}\n" for name, value in extra.items())
    home.local(address, client=f"extra:\n  max_retries: 1\n  idle_timeout: 2\n{lines}")
    return home.run(*words, "Hi")


def exit_and_message(done: Done) -> tuple[int, str]:
    """How a command failed, in one line."""
    return done.code, done.err.rstrip("\n")


# ---- getting there -------------------------------------------------------------------------------


def test_nobody_listens(home: Home) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{closed.getsockname()[1]}"
        done = ask(home, f"http://{where}")
    message = f"no connection to {where}: connection refused (after 2 attempts)"
    assert exit_and_message(done) == (69, f"loki-pipe: offline: {message}")


def test_nobody_has_the_name(home: Home) -> None:
    done = ask(home, "http://nowhere.invalid", "--retries", "0")
    assert done.code == 69 and "no connection to nowhere.invalid: " in done.err


def test_nobody_opens(home: Home) -> None:
    with deaf() as port:
        done = ask(home, f"http://127.0.0.1:{port}", "--retries", "0", connect_timeout=0.3)
    message = f"no connection to 127.0.0.1:{port} within 0.3 s (connect timeout); nothing was sent"
    assert exit_and_message(done) == (69, f"loki-pipe: offline: {message}")


def test_a_handshake_that_never_ends_has_sent_nothing(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        done = ask(
            home, f"https://127.0.0.1:{port}", "--retries", "0", "-o", "json", connect_timeout=0.3
        )
    assert "within 0.3 s (connect timeout); nothing was sent" in done.err and done.code == 69
    assert json.loads(done.err.splitlines()[-1])["sent"] is False


def test_a_large_request_may_take_longer_than_connecting(home: Home) -> None:
    large = "x" * 6_000_000
    got: list[int] = []

    def slow(connection: socket.socket) -> None:
        with connection:
            size = 0
            while size < len(large):
                size += len(connection.recv(400_000))
                time.sleep(0.01)
            got.append(size)
            connection.sendall(b"".join(step for step in ANSWER if isinstance(step, bytes)))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        threading.Thread(target=lambda: slow(listener.accept()[0]), daemon=True).start()
        home.local(
            f"http://127.0.0.1:{listener.getsockname()[1]}",
            client="extra:\n  connect_timeout: 0.4\n  idle_timeout: 2\n  max_retries: 0\n",
        )
        started = time.monotonic()
        done = home.run(stdin=large)
    assert (done.code, done.out) == (0, "Hello.\n"), done.err
    assert got and time.monotonic() - started > 0.6


def test_a_server_that_takes_no_more_is_told_apart_from_one_that_is_silent(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        home.local(
            f"http://127.0.0.1:{listener.getsockname()[1]}",
            client="extra:\n  idle_timeout: 0.4\n  max_retries: 1\n",
        )
        started = time.monotonic()
        done = home.run(stdin="x" * 9_000_000)
    assert done.code == 69 and time.monotonic() - started < 5
    assert "took no more of the request for 0.4 s (idle timeout)" in done.err


def test_the_time_for_everything_holds_for_a_chain_of_models(home: Home) -> None:
    with serving([9.0]) as server:
        path = home.local(server.address, client="extra:\n  idle_timeout: 1\n")
        path.write_text(path.read_text() + "      - name: n\n      - name: o\n      - name: p\n")
        done = home.run(
            "-m", "local:m", "--fallback", "local:n", "--fallback", "local:o", "--fallback",
            "local:p", "--timeout", "2.6", "Hi",
        )  # fmt: skip
        took = time.monotonic() - server.times[0]  # which does not count how long a start takes
    asked = "".join(each.json["model"] for each in server.asked)
    assert done.code == 69 and asked in ("mn", "mno") and took < 3.9  # of four times a second
    assert "within 2.6 s for everything" in done.err and "trying local:p" not in done.err


@pytest.mark.parametrize(
    ("status", "code", "asked"),
    [(503, 0, 2), (429, 0, 2), (402, 0, 2), (401, 0, 2), (404, 78, 1), (400, 65, 1)],
)
def test_the_next_model_is_asked_only_where_it_could_help(
    home: Home, status: int, code: int, asked: int
) -> None:
    refusal = plain({"error": {"message": "No."}}, status, "x-should-retry: false\r\n")
    with serving(refusal, ANSWER) as server:
        path = home.local(server.address)
        path.write_text(path.read_text() + "      - name: n\n")
        done = home.run("-m", "local:m", "--fallback", "local:n", "Hi")
    assert (done.code, len(server.asked)) == (code, asked)


def test_the_next_model_is_asked_after_a_refusal_in_words(home: Home) -> None:
    with serving(streamed(delta(refusal="I cannot."), delta(None, "stop"), DONE), ANSWER) as server:
        path = home.local(server.address)
        path.write_text(path.read_text() + "      - name: n\n")
        done = home.run("-m", "local:m", "--fallback", "local:n", "Hi")
    assert (done.code, done.out) == (0, "Hello.\n") and "refused: I cannot." in done.err


# ---- certificates --------------------------------------------------------------------------------


@pytest.fixture
def safe() -> Iterator[Server]:
    """A server whose certificate a private authority issued."""
    with serving(ANSWER, tls=certificates().server()) as server:
        yield server


def test_an_unknown_authority_is_named_with_what_would_help(home: Home, safe: Server) -> None:
    done = ask(home, safe.address)
    where = safe.address.removeprefix("https://")
    assert exit_and_message(done) == (
        69,
        f"loki-pipe: offline: the certificate of {where} is not trusted: certificate verify failed:"
        f" unable to get local issuer certificate; it was issued by 'CN={AUTHORITY}':"
        " if you trust it, set extra.ca_bundle to the file of its issuer's certificate",
    )
    assert safe.asked == []


def test_a_bundle_of_our_own_is_added(home: Home, safe: Server, tmp_path: Path) -> None:
    bundle = certificates().authority
    assert ask(home, safe.address, ca_bundle=bundle).out == "Hello.\n"
    # whatever the environment names instead of the usual certificates
    other = certificates().folder / "client.pem"
    elsewhere = with_environ(home, {"REQUESTS_CA_BUNDLE": str(other)})
    assert ask(elsewhere, safe.address, ca_bundle=bundle).out == "Hello.\n"


@pytest.mark.parametrize("name", BUNDLES)
def test_the_environment_s_bundle_is_trusted(home: Home, safe: Server, name: str) -> None:
    home.environ = dict.fromkeys(BUNDLES, "")
    there = with_environ(home, {name: certificates().authority})
    assert ask(there, safe.address).out == "Hello.\n"
    # also beside one of our own
    other = certificates().folder / "client.pem"
    assert ask(there, safe.address, ca_bundle=other).out == "Hello.\n"
    lost = with_environ(home, {name: "/nowhere/bundle.pem"})
    assert exit_and_message(ask(lost, safe.address)) == (
        78,
        f"loki-pipe: config: {name}: there is no file /nowhere/bundle.pem",
    )


def test_a_certificate_that_has_expired_is_no_matter_of_bundles(home: Home) -> None:
    with serving(ANSWER, tls=certificates().server(name="expired")) as server:
        done = ask(home, server.address, ca_bundle=certificates().authority)
    assert done.code == 69 and "certificate has expired" in done.err
    assert "ca_bundle" not in done.err


def test_a_server_may_demand_a_certificate(home: Home) -> None:
    files = certificates()
    with serving(ANSWER, tls=files.server(demanding=True)) as server:
        without = ask(home, server.address, ca_bundle=files.authority)
        with_one = ask(
            home,
            server.address,
            ca_bundle=files.authority,
            client_cert=files.folder / "client.pem",
            client_key=files.folder / "client.key",
        )
    assert without.code == 69 and "extra.client_cert and extra.client_key" in without.err
    assert (with_one.code, with_one.out) == (0, "Hello.\n"), with_one.err


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"ca_bundle": "/nowhere.pem"}, "extra.ca_bundle: cannot use /nowhere.pem: no such file"),
        ({"ca_bundle": __file__}, "extra.ca_bundle: cannot use "),
        ({"client_cert": "/nowhere.pem"}, "extra.client_cert: cannot use /nowhere.pem: no such"),
        ({"client_cert": "client.pem", "client_key": "server.key"}, "extra.client_cert: cannot "),
        ({"client_cert": "client.pem", "client_key": "client.locked"}, "extra.client_cert: cannot"),
    ],
)
def test_files_that_are_no_good_are_named(home: Home, extra: dict[str, str], message: str) -> None:
    found = {
        name: path if path.startswith("/") else certificates().folder / path
        for name, path in extra.items()
    }
    with serving(ANSWER) as server:
        done = ask(home, server.address, **found)
    assert done.code == 78 and message in done.err and server.asked == []


def test_http_where_tls_was_meant(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(65536)

        threading.Thread(target=refuse, daemon=True).start()
        done = ask(home, f"https://127.0.0.1:{listener.getsockname()[1]}")
    assert done.code == 69 and "is it http:// there, not https://?" in done.err


# ---- a document of the network -------------------------------------------------------------------


def test_a_document_keeps_its_letters(home: Home) -> None:
    latin = plain(
        "Grüße".encode("latin-1"), headers="content-type: text/plain; charset=latin-1\r\n"
    )
    with serving(latin) as pages, serving(ANSWER) as server:
        home.local(server.address)
        assert home.run("-f", f"{pages.address}/a.txt", "Read").code == 0
    assert "Grüße" in server.asked[0].json["messages"][0]["content"]


def test_a_document_is_fetched_by_way_of_the_proxy(home: Home) -> None:
    with serving(ANSWER) as server, serving(plain(b"By proxy.")) as proxy:
        home.local(server.address)
        home.run("--proxy", proxy.address, "-f", "http://nowhere.invalid/a.txt", "Read")
    assert proxy.asked[0].line == "GET http://nowhere.invalid/a.txt HTTP/1.1"


def test_a_header_with_a_line_break_is_not_sent(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.run("--patch", json.dumps({"headers": {"X-A": "b\r\nX-Evil: c"}}), "Hi")
    assert done.code == 78 and "X-A has a line break" in done.err and server.asked == []
