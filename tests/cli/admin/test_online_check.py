"""loki --check=online, and what a call would say: each client and model before anybody pays."""

from __future__ import annotations

from commands import Home
from servers import plain, serving

GOOD = plain({"data": [{"id": "gpt-4o"}, {"id": "gpt-4.1"}]})


def test_each_provider_is_asked_and_a_model_it_lacks_is_named(home: Home) -> None:
    with serving(GOOD) as server:
        home.configure(
            "clients:\n"
            f"- {{type: openai, api_base: '{server.address}', api_key: k}}\n"
            f"- type: openai\n  name: b\n  api_base: {server.address}\n  api_key: k\n"
            "  models: [{name: mine, real_name: gpt-4x}, {name: gpt-4.1}]\n"
        )
        done = home.run("--check=online", prog="loki")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "openai: 2 models listed",
        "b: 2 models listed",
        "b: gpt-4x is not among them; did you mean 'gpt-4o' or 'gpt-4.1'?",
    ]


def test_a_provider_that_refuses_is_a_problem_and_a_missing_key_a_note(home: Home) -> None:
    with serving(plain({"error": {"message": "who?"}}, 401)) as server:
        home.configure(
            "clients:\n- type: claude\n"
            f"- {{type: openai, api_base: '{server.address}', api_key: k-0123456789}}\n"
        )
        done = home.run("--check=online", prog="loki")
    assert done.code == 77
    note, problem = done.err.splitlines()
    assert note.startswith("note: client 'claude' has no api_key: set it in the configuration")
    assert problem.startswith("loki: auth: client 'openai': ") and "who?" in problem


def test_nothing_is_asked_without_the_word(home: Home) -> None:
    with serving(GOOD) as server:
        home.configure(f"clients: [{{type: openai, api_base: '{server.address}', api_key: k}}]\n")
        done = home.run("--check", prog="loki")
    assert done.code == 0 and "1 client, nothing wrong" in done.out and not server.asked


def test_every_client_that_cannot_be_asked_is_told_at_once(home: Home) -> None:
    path = home.configure(
        "model: opnai:x\nclients:\n- type: openai\n- type: azure-openai\n"
        "- {type: openai-compatible, name: mine}\n- {type: vertexai}\n"
    )
    home.environ |= {"GOOGLE_CLOUD_PROJECT": ""}
    done = home.run("--check", prog="loki")
    assert (done.code, done.out) == (78, "")
    lines = done.err.splitlines()
    assert len(lines) == 4 and all(line.startswith(f"{path}: ") for line in lines)
    for line, words in zip(
        lines,
        ("'azure-openai' needs an api_base", "'mine' needs an api_base", "project_id", "'opnai'"),
        strict=True,
    ):
        assert words in line
