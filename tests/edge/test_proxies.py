"""Through corporate networks: proxies with passwords, around them, and whose fault it is."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from certificates import certificates
from commands import Done, Home, with_environ
from proxies import PASSWORD, Proxy, http, http_proxy, kinds, listening, socks, socks_proxy
from servers import ANSWER, Server, deaf, serving


def ask(home: Home, server: Server, proxy: str, *words: str) -> Done:
    """Ask a server by way of a proxy."""
    bundle = f"  ca_bundle: {certificates().authority}\n"
    extra = f"extra:\n  proxy: '{proxy}'\n  max_retries: 1\n  idle_timeout: 3\n{bundle}"
    home.local(server.address, client=extra)
    return home.run(*words, "Hi")


@pytest.fixture(params=["http", "https"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server, plain and behind TLS."""
    with serving(ANSWER, tls=certificates().server() if request.param == "https" else None) as it:
        yield it


@pytest.mark.parametrize("kind", kinds("tinyproxy"))
def test_an_http_proxy_with_a_password(home: Home, server: Server, kind: str) -> None:
    with http_proxy(kind) as proxy:
        done = ask(home, server, proxy.address("http"))
        without = ask(home, server, proxy.address("http", user=""))
        wrong = ask(home, server, proxy.address("http", password="other-word"))
    assert (done.code, done.out) == (0, "Hello.\n"), done.err
    tells = kind == "ours" or server.tls  # tinyproxy answers 401, as a provider could
    for refused in (without, wrong) if tells else (without,):
        assert refused.code == 69 and "wants a user name and a password" in refused.err
        assert "attempts" not in refused.err and "other-word" not in refused.err
    assert len(server.asked) == 1


def test_a_proxy_behind_tls(home: Home, server: Server) -> None:
    with listening(http, certificates().server()) as proxy:
        done = ask(home, server, proxy.address("https"))
        home.local(server.address, client=f"extra:\n  proxy: '{proxy.address('https')}'\n")
        unknown = home.run("Hi")
    assert (done.code, done.out, done.err) == (0, "Hello.\n", "")
    assert unknown.code == 69 and "is not trusted" in unknown.err and len(server.asked) == 1


def test_a_handshake_behind_a_proxy_has_the_time_to_connect(home: Home) -> None:
    def slow(connection: socket.socket) -> None:
        time.sleep(0.8)
        behind.accept(connection)

    with (
        serving(ANSWER, tls=certificates().server()) as behind,
        socket.create_server(("127.0.0.1", 0)) as door,
        listening(http) as proxy,
    ):
        threading.Thread(target=lambda: slow(door.accept()[0]), daemon=True).start()
        behind.port = door.getsockname()[1]
        done = ask(home, behind, proxy.address("http"))
    assert (done.code, done.out, done.err) == (0, "Hello.\n", "")


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("kind", kinds("microsocks"))
def test_a_socks_proxy_with_a_password(home: Home, server: Server, kind: str, scheme: str) -> None:
    server_at = server.address
    with socks_proxy(kind) as proxy:
        done = ask(home, server, proxy.address(scheme))
        wrong = ask(home, server, proxy.address(scheme, password="other-word"))
    assert (done.code, done.out) == (0, "Hello.\n"), done.err
    assert wrong.code == 69 and f"the proxy {scheme}://127.0.0.1:{proxy.port}" in wrong.err
    assert "other-word" not in wrong.err and server_at


def test_who_looks_a_name_up(home: Home) -> None:
    with serving(ANSWER) as server, listening(socks) as proxy:
        named = f"http://localhost:{server.port}"
        for scheme in ("socks5", "socks5h"):
            home.local(named, client=f"extra:\n  proxy: '{proxy.address(scheme)}'\n")
            assert home.run("Hi").out == "Hello.\n"
    assert [went.split()[0] for went in proxy.went] == ["number", "name"]


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
def test_a_dead_proxy_is_the_proxy_s_fault(home: Home, server: Server, scheme: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = Proxy(closed.getsockname()[1])
        done = ask(home, server, dead.address(scheme))
    message = f"no connection to the proxy {scheme}://127.0.0.1:{dead.port}: connection refused"
    assert (done.code, done.err) == (69, f"loki-pipe: offline: {message} (after 2 attempts)\n")
    assert PASSWORD not in done.err and server.asked == []


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_deaf_proxy_is_given_up_in_time(home: Home, server: Server, scheme: str) -> None:
    with deaf() as port:
        extra = f"extra:\n  proxy: {scheme}://127.0.0.1:{port}\n  connect_timeout: 0.3\n"
        home.local(server.address, client=extra)
        done = home.run("--retries", "0", "Hi")
    assert done.code == 69 and f"through the proxy {scheme}://127.0.0.1:{port} within" in done.err
    assert "0.3 s (connect timeout); nothing was sent" in done.err


@pytest.mark.parametrize(
    ("protocol", "scheme", "words"),
    [
        (http, "http", "does not reach 127.0.0.1:1: tunnel connection failed: 502 bad gateway"),
        (socks, "socks5", "does not reach 127.0.0.1:1: 0x05: connection refused"),
    ],
)
def test_a_proxy_that_does_not_reach_the_server(
    home: Home, protocol: object, scheme: str, words: str
) -> None:
    with listening(protocol) as proxy:  # type: ignore[arg-type]
        extra = f"extra:\n  proxy: '{proxy.address(scheme)}'\n  max_retries: 0\n"
        home.local("https://127.0.0.1:1", client=extra)
        done = home.run("Hi")
    assert done.code == 69
    assert f"the proxy {scheme}://127.0.0.1:{proxy.port} {words}" in done.err


@pytest.mark.parametrize("proxy", ["ftp://127.0.0.1:1", "http://", "socks5://127.0.0.1:99999"])
def test_what_is_no_proxy_is_said(home: Home, server: Server, proxy: str) -> None:
    done = ask(home, server, proxy)
    assert done.code == 78 and "is no proxy" in done.err, done.err


def test_the_certificate_of_a_server_behind_a_proxy_is_looked_at(home: Home) -> None:
    with (
        serving(ANSWER, tls=certificates().server()) as server,
        listening(http) as proxy,
        listening(socks) as other,
    ):
        for address in (proxy.address("http"), other.address("socks5")):
            home.local(server.address, client=f"extra:\n  proxy: '{address}'\n")
            done = home.run("Hi")
            assert done.code == 69 and "issued by 'CN=Loki Test Authority'" in done.err
    assert server.asked == []


def test_the_environment_s_proxies_hold_unless_there_is_one_of_our_own(home: Home) -> None:
    with serving(ANSWER) as server, listening(http) as proxy:
        home.local(server.address)
        around = with_environ(home, {"http_proxy": proxy.address("http"), "no_proxy": ""})
        assert around.run("Hi").out == "Hello.\n" and len(proxy.went) == 1
        assert around.run("--proxy", "-", "Hi").out == "Hello.\n" and len(proxy.went) == 1
        assert with_environ(around, {"no_proxy": "127.0.0.1"}).run("Hi").out == "Hello.\n"
        assert len(proxy.went) == 1
        home.local(server.address, client="extra:\n  proxy: '-'\n")
        assert around.run("Hi").out == "Hello.\n" and len(proxy.went) == 1
        assert around.run("--proxy", proxy.address("http"), "Hi").out == "Hello.\n"
    assert len(proxy.went) == 2


def test_the_password_of_a_proxy_is_never_printed(home: Home) -> None:
    with serving(ANSWER) as server, listening(http) as proxy:
        home.local(server.address)
        address = proxy.address("http", password="hush-hush")
        around = with_environ(home, {"http_proxy": address, "no_proxy": ""})
        result = [around.run(*words, "Hi") for words in ([], ["-o", "json"], ["--explain"])]
        home.local(server.address, client=f"extra:\n  proxy: '{address}'\n")
        result += [home.run(*words, "Hi") for words in ([], ["-v"], ["--dry-run=curl"])]
    assert not any("hush-hush" in done.out + done.err for done in result)
