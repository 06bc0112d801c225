"""Every wrong call has one line that lets its author go on."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from commands import Home
from servers import ANSWER, Asked, Script, Step, plain, serving
from terminals import talk

LINES: list[tuple[str, list[str], str]] = [
    ("loki-pipe", ["--dry-run", "curl", "-n"], "--dry-run curl: say --dry-run=curl"),
    ("loki-pipe", ["--dry-run", "json", "Hi", "-n"], "--dry-run json: say --dry-run=json"),
    ("loki-pipe", ["--promt", "Hi"], "unknown flag --promt: did you mean --prompt?"),
    ("loki-pipe", ["--temp", "1", "Hi"], "--temp: did you mean --template or --temperature?"),
    (
        "loki-pipe",
        ["--prompt", "Hi"],
        "pipe a document in (--prompt, like -s, is the system prompt)",
    ),
    ("loki", [], "in (see loki --help; loki --init writes a configuration)"),
    ("loki", ["--check", "online"], "--check online: say --check=online"),
    ("loki-cost", ["today"], "'today': did you mean --since today?"),
    ("loki-cost", ["--by", "day", "groq"], "'groq': loki-cost takes flags only"),
    ("loki", ["--info", "--list-models"], "--info and --list-models: one at a time"),
    ("loki", ["--init", "--check"], "--init and --check: one at a time"),
    (
        "loki-cost",
        ["--chart", "--by", "tag"],
        "--chart is by time and model: it cannot be --by tag",
    ),
    ("loki-cost", ["--chart", "-o", "json"], "--chart draws: it cannot be -o json"),
    ("loki-cost", ["--since", "7y"], "today, yesterday, 2026-11 or 2026-11-01"),
]


@pytest.mark.parametrize(("prog", "words", "message"), LINES, ids=lambda value: " ".join(value))
def test_a_wrong_call_is_told_what_would_be_right(
    home: Home, prog: str, words: list[str], message: str
) -> None:
    home.local("http://127.0.0.1:9")
    done = home.call(*words, prog=prog)
    assert (done.code, done.out) == (64, "")
    assert message in done.err.splitlines()[0] and done.err.startswith(f"{prog}: usage: ")


def test_the_prompt_curl_can_still_be_asked(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    assert '"content": "curl"' in home.call("-n", "--dry-run", "--", "curl").out


def test_info_is_json_for_programs(home: Home) -> None:
    path = home.local("http://127.0.0.1:9")
    facts = home.call("--info", "-o", "json", prog="loki").json
    assert (facts["config_file"], facts["clients"]) == (str(path), "local")


def test_yesterday_is_a_time(home: Home) -> None:
    done = home.call("--since", "yesterday", "--until", "yesterday", prog="loki-cost")
    assert done.code == 0 and "no calls from " in done.err


def error(status: int) -> list[Step]:
    """Return an answer with an error status."""
    return plain({"error": {"message": "No."}}, status)


@pytest.mark.parametrize(
    ("client", "environ", "end"),
    [
        ("api_key: k", {}, "client 'local', api_key from {path} clients[0].api_key"),
        ("api_key: '{{MINE}}'", {"MINE": "k"}, "client 'local', api_key from {{{{MINE}}}}"),
        ("", {"LOCAL_API_KEY": "k"}, "client 'local', api_key from LOCAL_API_KEY"),
        ("", {}, "client 'local'"),
    ],
)
def test_a_key_that_is_refused_is_named_by_its_place(
    home: Home, client: str, environ: dict[str, str], end: str
) -> None:
    with serving(error(401)) as server:
        path = home.local(server.address, client=client)
        home.environ |= environ
        done = home.call("Hi")
    assert done.code == 77
    assert done.err == f"loki-pipe: auth: No; {end.format(path=path)} (401)\n"


VECTORS = {"data": [{"index": 0, "embedding": [1, 2, 3]}], "usage": {"prompt_tokens": 1}}


@pytest.mark.parametrize(("length", "expected"), [("2", True), ("3", False)])
def test_vectors_of_another_length_than_asked_for_draw_a_note(
    home: Home, length: str, expected: bool
) -> None:
    with serving(plain(VECTORS)) as server:
        home.local(server.address, "type: embedding")
        done = home.call("-m", "local:m", "--dimensions", length, "Hi", prog="loki-embed")
    assert done.code == 0
    assert ("--dimensions 2: local:m gave vectors of 3" in done.err) is expected


def test_an_error_of_loki_embed_is_printed_once_at_a_terminal(home: Home) -> None:
    with serving(error(401)) as server:
        home.local(server.address, "type: embedding")
        shown = talk(home, ["loki-embed", "-m", "local:m", "Hi"])
        piped = home.call("-m", "local:m", "Hi", prog="loki-embed")
    assert shown.count("No;") == 1 and piped.err.count("No;") == 2


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_the_curl_of_a_large_image_is_a_command_that_works(home: Home, tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(300_000))
    asked: list[Asked] = []

    def answer(request: Asked) -> Script:
        asked.append(request)
        return ANSWER

    with serving(answer) as server:
        home.local(server.address, "supports_vision: true", "api_key: '{{MINE}}'")
        home.environ["MINE"] = "k-1"
        command = home.call("-n", "-f", str(image), "--dry-run=curl", "Hi").out
        script = tmp_path / "script"
        script.write_text(command.replace("curl ", "curl -s ", 1))
        subprocess.run(["sh", str(script)], env=home.variables(), check=True, timeout=30)
        assert home.call("-n", "-f", str(image), "Hi").code == 0
    by_curl, by_us = asked
    assert by_curl.body == by_us.body
    assert by_curl.headers["authorization"] == by_us.headers["authorization"] == "Bearer k-1"


FLAGS_AS_PROMPTS = [
    (["init"], "loki: 'init' is sent as a prompt; did you mean loki --init?\n"),
    (
        ["list-models"],
        "loki: 'list-models' is sent as a prompt; did you mean loki --list-models?\n",
    ),
    (["help"], "loki: 'help' is sent as a prompt; did you mean loki --help?\n"),
    (["version"], "loki: 'version' is sent as a prompt; did you mean loki --version?\n"),
    (["-q", "init"], ""),
    (["loki"], ""),
    (["init", "a project"], ""),
    (["hello"], ""),
]


@pytest.mark.parametrize(("words", "note"), FLAGS_AS_PROMPTS)
def test_a_prompt_that_is_the_name_of_a_flag_is_sent_with_a_note(
    home: Home, words: list[str], note: str
) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call(*words, "-m", "local:m", prog="loki")
    assert (done.code, done.out, done.err) == (0, "Hello.\n", note)
    assert len(server.asked) == 1
