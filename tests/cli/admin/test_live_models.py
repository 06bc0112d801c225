"""loki --list-models --live: what providers list now, as a table and as JSON lines."""

from __future__ import annotations

from typing import Any

import pytest
from commands import Home
from servers import plain, serving

LISTED: Any = {
    "data": [
        {"id": "gpt-4o", "context_length": 99},
        {"id": "brand-new", "context_length": 5000, "supports_image_input": True},
        {"id": "embed-new"},
        {"id": "tts-new"},
    ]
}


def client(name: str, address: str, kind: str = "openai") -> str:
    """Return the lines of a client."""
    return f"- {{type: {kind}, name: {name}, api_base: '{address}', api_key: k-0123456789}}\n"


def live(home: Home, *words: str) -> Any:
    """List the models of all providers now."""
    return home.run("--list-models", "--live", *words, prog="loki")


def test_a_provider_s_own_list_is_printed_with_what_the_catalogue_knows(home: Home) -> None:
    with serving(plain(LISTED)) as server:
        home.configure(f"clients:\n{client('a', server.address)}")
        done, rows = live(home), live(home, "-o", "json").lines
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert [line[0] for line in lines] == ["a:gpt-4o", "a:brand-new", "a:embed-new", "a:tts-new"]
    assert lines[0][1:3] == ["chat", "99"] and "$2.5" in lines[0]
    assert lines[1][1:3] == ["chat", "5,000"] and lines[1][-1] == "vision"
    assert [row["type"] for row in rows] == ["chat", "chat", "embedding", "other"]
    assert rows[0]["max_input_tokens"] == 99 and rows[0]["input_price"] == 2.5
    assert rows[1]["supports_vision"] is True and rows[1]["input_price"] is None
    assert {row["origin"] for row in rows} == {"live"}
    assert [asked.line for asked in server.asked] == ["GET /models HTTP/1.1"] * 2


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (
            ["new"],
            ["a:brand-new", "a:embed-new", "a:tts-new", "b:brand-new", "b:embed-new", "b:tts-new"],
        ),
        (["-m", "b", "GPT"], ["b:gpt-4o"]),
        (["-m", "b:brand"], ["b:brand-new"]),
        (["a:*-4o"], ["a:gpt-4o"]),
    ],
)
def test_models_are_selected(home: Home, words: list[str], names: list[str]) -> None:
    with serving(plain(LISTED)) as server:
        home.configure(f"clients:\n{client('a', server.address)}{client('b', server.address)}")
        assert [line.split()[0] for line in live(home, *words).out.splitlines()] == names


def test_one_provider_that_fails_keeps_no_other_s_list_back(home: Home) -> None:
    refusal = plain({"error": {"message": "bad key k-0123456789"}}, 401)
    with serving(plain(LISTED)) as good, serving(refusal) as bad:
        home.configure(f"clients:\n{client('a', bad.address)}{client('b', good.address)}")
        done = live(home)
    assert done.code == 77 and "b:gpt-4o" in done.out
    assert done.err.startswith("loki: auth: bad key ***; client 'a', ")
    assert "k-0123456789" not in done.err


def test_without_a_configuration_only_providers_with_a_key_are_asked(home: Home) -> None:
    with serving(plain(LISTED)) as server:
        home.environ |= {"MISTRAL_API_KEY": "k", "MISTRAL_API_BASE": server.address}
        done = live(home)
    assert done.code == 0 and done.out.startswith("mistral:gpt-4o")
    assert len(server.asked) == 1


def test_a_list_is_not_written_into_the_ledger(home: Home) -> None:
    with serving(plain(LISTED)) as server:
        home.configure(f"clients:\n{client('a', server.address)}")
        live(home)
    assert not [*home.folder.glob("*.sqlite*")]


def test_alone_it_is_a_mistake_and_sends_nothing(home: Home) -> None:
    with serving(plain(LISTED)) as server:
        home.configure(f"clients:\n{client('a', server.address)}")
        done = home.run("--live", "Hi", prog="loki")
    assert done.code == 64 and "--live goes with --list-models" in done.err and not server.asked
