"""What is asked with -C and --run-tools, and what is wrong with flags and files."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import Home


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """The file of a conversation that is not there yet."""
    return tmp_path / "talk.jsonl"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-C", "-"], 64, "-C needs the name of a file"),
        (["-C", ""], 64, "-C needs the name of a file"),
        (["-C", "t", "--messages", "m"], 64, "-C and --messages contradict each other"),
        (["-C", "nowhere/t"], 66, "--conversation: no folder nowhere"),
        (["-C", "broken"], 65, "broken:1:5: not JSON"),
        (["--max-steps", "3"], 64, "--max-steps needs --run-tools"),
        (["--max-steps", "0"], 64, "'0' is not a whole number from 1"),
        (["--run-tools"], 64, "--run-tools needs --tools"),
        (["--run-tools", "--tools", "t.json"], 64, "no tool in t.json has a command"),
    ],
)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_flags_and_files_that_are_wrong_are_said_before_anything_is_sent(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    message: str,
    dry: list[str],
) -> None:
    monkeypatch.chdir(home.folder)
    (home.folder / "m").write_text('{"role": "user", "content": "Hi"}')
    (home.folder / "broken").write_text('{"a"')
    (home.folder / "t.json").write_text('[{"type": "function", "function": {"name": "now"}}]')
    home.local("http://127.0.0.1:9")
    done = home.call(*words, *dry, "Hi")
    assert done.code == code and message in done.err


def test_a_dry_run_shows_the_whole_conversation_and_writes_nothing(home: Home, talk: Path) -> None:
    talk.write_text('{"role":"user","content":"Hi"}\n{"role":"assistant","content":"Hello."}\n')
    home.local("http://127.0.0.1:9")
    before = talk.read_text()
    shown = home.call("--dry-run", "-C", str(talk), "And?").json["body"]["messages"]
    assert [each["content"] for each in shown] == ["Hi", "Hello.", "And?"]
    assert talk.read_text() == before


def test_no_input_adds_no_turn(home: Home, talk: Path) -> None:
    home.local("http://127.0.0.1:9")
    assert home.call("-C", str(talk), "--if-input", "Hi").code == 0 and not talk.exists()


def test_messages_and_tools_may_be_given_themselves(home: Home) -> None:
    tools = '[{"type": "function", "function": {"name": "now"}}]'
    turns = '{"role": "user", "content": "Hi"} {"role": "assistant", "content": "Hello."}'
    home.local("http://127.0.0.1:9", "supports_function_calling: true")
    words = ["--dry-run", "--tools", tools, "--messages", turns, "And?"]
    body = home.call(*words).json["body"]
    assert [each["content"] for each in body["messages"]] == ["Hi", "Hello.", "And?"]
    assert body["tools"][0]["function"]["name"] == "now"
    done = home.call("--messages", '{"role": }', "Hi")
    assert done.code == 65 and "--messages:1:10: not JSON" in done.err
