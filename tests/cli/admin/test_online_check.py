"""loki --check=online: each provider is asked for its list of models."""

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


def test_many_models_that_a_provider_lacks_are_counted(home: Home) -> None:
    with serving(GOOD) as server:
        models = ", ".join(f"{{name: m{n}}}" for n in range(9))
        home.configure(
            f"clients:\n- type: openai\n  api_base: {server.address}\n  api_key: k\n"
            f"  models: [{models}]\n"
        )
        done = home.run("--check=online", prog="loki")
    assert done.out.splitlines()[3:] == [
        "openai: m2 is not among them; known: gpt-4o, gpt-4.1",
        "openai: nor are 6 more of yours",
    ]


def test_a_check_that_reached_nobody_is_no_success(home: Home) -> None:
    home.configure("clients:\n- type: claude\n- type: openai\n  api_key: '{{NO_SUCH_KEY}}'\n")
    done = home.run("--check=online", prog="loki")
    assert (done.code, done.out) == (77, "")
    assert [line[:20] for line in done.err.splitlines()] == [
        "note: client 'claude",
        "note: client 'openai",
    ]


def test_a_missing_key_is_a_note_beside_a_provider_that_answers(home: Home) -> None:
    with serving(GOOD) as server:
        home.configure(
            "clients:\n- type: claude\n"
            f"- {{type: openai, api_base: '{server.address}', api_key: k}}\n"
        )
        done = home.run("--check=online", prog="loki")
    assert (done.code, done.out) == (0, "openai: 2 models listed\n")


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
    assert problem.startswith("loki: auth: who?; client 'openai', api_key from ")
