"""loki --check: what a call would say, of each client and model at once, each with its place."""

from __future__ import annotations

import pytest
from commands import Home
from servers import plain, serving


def test_every_client_that_cannot_be_asked_is_told_at_once(home: Home) -> None:
    path = home.configure(
        "model: opnai:x\nclients:\n- type: openai\n- type: azure-openai\n"
        "- {type: openai-compatible, name: mine}\n- {type: vertexai}\n"
    )
    home.environ |= {"GOOGLE_CLOUD_PROJECT": ""}
    done = home.run("--check", prog="loki")
    assert (done.code, done.out) == (78, "")
    lines = [line for line in done.err.splitlines() if not line.startswith("note: ")]
    result = (
        (1, 1, "no client named 'opnai' (`model` of"),
        (4, 3, "client 'azure-openai' needs an api_base"),
        (5, 3, "client 'mine' needs an api_base"),
        (6, 3, "needs a project_id"),
    )
    for line, (row, column, words) in zip(lines, result, strict=True):
        assert line.startswith(f"{path}:{row}:{column}: ") and words in line


def test_every_model_that_cannot_be_asked_has_its_own_line(home: Home) -> None:
    path = home.configure(
        "clients:\n- type: claude\n  api_key: k\n  models:\n  - name: a\n"
        "  - {name: e, type: embedding}\n"
    )
    done = home.run("--check", prog="loki")
    assert done.code == 78
    (line,) = done.err.splitlines()
    assert line.startswith(f"{path}:6:5: claude clients cannot embed")


NOTES: list[tuple[str, str]] = [
    ("type: openai", "client 'openai' has no key: set api_key, or OPENAI_API_KEY"),
    ("type: claude", "has no key: set api_key, or CLAUDE_API_KEY or ANTHROPIC_API_KEY"),
    ("type: openai\n  api_key: '{{MINE}}'", "no secret and no environment variable MINE"),
    ("type: bedrock\n  region: us-east-1\n  access_key_id: a", "BEDROCK_SECRET_ACCESS_KEY"),
    ("type: openai\n  api_key_cmd: 'false'", ""),
    ("type: openai\n  api_key: k", ""),
    ("type: openai\n  api_key: '{{THERE}}'", ""),
    ("type: openai-compatible\n  name: ollama", ""),
    ("type: vertexai\n  project_id: p", ""),
]


@pytest.mark.parametrize(("client", "note"), NOTES)
def test_a_key_that_is_nowhere_to_be_found_is_a_note(home: Home, client: str, note: str) -> None:
    home.configure(f"clients:\n- {client}\n")
    for name in ("ANTHROPIC_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        home.environ[name] = ""
    home.environ["THERE"] = "k"
    done = home.run("--check", prog="loki")
    assert done.code == 0, done.err
    assert (note in done.err) if note else done.err == ""
    assert "nothing wrong" in done.out


def test_nobody_is_asked_and_no_command_is_run(home: Home) -> None:
    mark = home.folder / "ran"
    with serving(plain({"data": []})) as server:
        home.configure(
            f"clients:\n- {{type: openai, api_base: '{server.address}', "
            f"api_key_cmd: 'touch {mark}; echo k'}}\n"
        )
        assert home.run("--check", prog="loki").code == 0
    assert not server.asked and not mark.exists()


WHOLES: dict[str, tuple[str, str]] = {
    "an empty file": ("", "1:1: no clients: name at least one"),
    "comments alone": ("# nothing yet\n", "1:1: no clients: name at least one"),
    "two keys": (
        "clients:\n- type: openai\n  api_key: k\n  api_key_cmd: echo k\n",
        "2:3: client 'openai': api_key and api_key_cmd are both set: keep one",
    ),
    "no client id": (
        "clients:\n- {type: claude, auth: oauth}\n",
        "2:3: client 'claude': no OAuth client id: set oauth: client_id, or loki --authenticate",
    ),
    "a budget without its ledger": (
        "budget: {per_day: 1}\nclients:\n- {type: openai, api_key: k}\n",
        "1:1: the budget cannot be kept: ",
    ),
}


@pytest.mark.parametrize("config_flag", [False, True], ids=["usual", "--config"])
@pytest.mark.parametrize(("text", "line"), WHOLES.values(), ids=list(WHOLES))
def test_what_no_call_could_do_without_is_missed(
    home: Home, text: str, line: str, config_flag: bool
) -> None:
    path = home.folder / ("other.yaml" if config_flag else "config.yaml")
    path.write_text(text)
    home.environ["LOKI_LEDGER"] = str(home.folder)  # a folder is no ledger
    words = ["--config", str(path)] if config_flag else []
    done = home.call(*words, "--check", prog="loki")
    assert (done.code, done.out) == (78, ""), done.err
    assert [each for each in done.err.splitlines() if each.startswith(f"{path}:{line}")], done.err


def test_a_file_of_a_key_that_is_not_there_is_a_note(home: Home) -> None:
    home.configure("clients:\n- {type: openai, api_key_file: /nope/key}\n")
    done = home.call("--check", prog="loki")
    assert done.code == 0 and "note: client 'openai' has no key: no file /nope/key" in done.err
