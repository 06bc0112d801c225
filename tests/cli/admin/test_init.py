"""loki --init: a configuration that works with the keys that there are, and what to do next."""

from __future__ import annotations

import stat

import pytest
from commands import Home
from servers import ANSWER, serving


@pytest.fixture
def bare(home: Home) -> Home:
    """A home without a key of any provider in its environment."""
    home.environ |= {name: "" for name in home.variables() if name.endswith(("_KEY", "_TOKEN"))}
    home.environ |= {"LOKI_STATE_DIR": str(home.folder / "state"), "SHELL": "/bin/zsh"}
    return home


def test_init_writes_a_configuration_that_is_right_and_never_twice(home: Home) -> None:
    path = home.folder / "config.yaml"
    first = home.run("--init", prog="loki")
    assert first.code == 0 and first.out == f"{path}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert home.run("--check", prog="loki").code == 0
    path.write_text("model: mine:m\n")
    again = home.run("--init", prog="loki")
    assert again.code == 78 and "left unchanged" in again.err
    assert path.read_text() == "model: mine:m\n"


def test_every_line_of_the_starter_that_is_commented_out_is_right_too(home: Home) -> None:
    home.run("--init", prog="loki")
    path = home.folder / "config.yaml"
    lines = path.read_text().splitlines()
    bare = [
        line.replace("# ", "", 1) if line.startswith(("  # ", "# ")) else line for line in lines
    ]
    kept = [line for line in bare if ":" in line and not line.strip()[:1].isupper()]
    sentences = ("A client is", "environment ({NAME}", "The configuration of", ": FILE")
    path.write_text("\n".join(line for line in kept if not any(s in line for s in sentences)))
    home.environ |= {"OPENAI_API_KEY": "k", "AZURE_OPENAI_API_KEY": "k"}  # else it is a note
    done = home.run("--check", prog="loki")
    assert (done.code, done.err) == (0, "")
    assert "4 clients" in done.out


KEYS: dict[str, tuple[dict[str, str], list[str], str]] = {
    "one": ({"GROQ_API_KEY": "k"}, ["name: groq", "'{{GROQ_API_KEY}}'"], "model: groq:"),
    "two": (
        {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"},
        ["- type: openai", "- type: claude", "'{{ANTHROPIC_API_KEY}}'"],
        "model: openai:",
    ),
    "one that needs no key of its own": (
        {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"},
        ["- type: bedrock"],
        "model: bedrock:",
    ),
}


@pytest.mark.parametrize(("environ", "lines", "model"), KEYS.values(), ids=list(KEYS))
def test_a_client_is_written_for_each_key_that_there_is(
    bare: Home, environ: dict[str, str], lines: list[str], model: str
) -> None:
    bare.environ |= environ
    done = bare.call("--init", prog="loki")
    text = (bare.folder / "config.yaml").read_text()
    active = [line for line in text.splitlines() if not line.strip().startswith("#")]
    assert done.code == 0 and all(any(line in each for each in active) for line in lines)
    assert any(line.startswith(model) for line in active)
    assert done.err.startswith(f"found {', '.join(environ)}; next:\n  loki-pipe ")
    assert "k" not in {line.rpartition(" ")[2] for line in active}
    checked = bare.call("--check", prog="loki")
    assert (checked.code, checked.err) == (0, ""), checked.err


def test_a_configuration_that_is_there_is_offered_the_clients_of_other_keys(bare: Home) -> None:
    bare.environ |= {"OPENAI_API_KEY": "k"}
    bare.call("--init", prog="loki")
    same = bare.call("--init", prog="loki")
    assert (same.code, len(same.err.splitlines())) == (78, 1)
    bare.environ |= {"GROQ_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
    more = bare.call("--init", prog="loki")
    _, found, *lines = more.err.splitlines()
    assert more.code == 78
    assert found == "found ANTHROPIC_API_KEY, GROQ_API_KEY; to use them, add under `clients`:"
    path = bare.folder / "config.yaml"
    path.write_text(path.read_text() + "\n".join(lines) + "\n")
    assert "3 clients, nothing wrong" in bare.call("--check", prog="loki").out
    assert len(bare.call("--init", prog="loki").err.splitlines()) == 1


@pytest.mark.parametrize(
    "environ",
    [
        {"AZURE_OPENAI_API_KEY": "k"},  # needs an api_base
        {"CLOUDFLARE_API_KEY": "k"},  # and the name of an account
        {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"},  # and a region
    ],
)
def test_a_key_alone_that_is_not_enough_makes_no_client(
    bare: Home, environ: dict[str, str]
) -> None:
    bare.environ |= {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""} | environ
    done = bare.call("--init", prog="loki")
    assert done.err.startswith("no key was found in the environment; next:\n  loki --add-secret ")


def test_what_is_next_works(bare: Home) -> None:
    with serving(ANSWER) as server:
        bare.environ |= {"OPENAI_API_KEY": "k", "OPENAI_API_BASE": server.address}
        assert bare.call("--init", prog="loki").code == 0
        assert bare.call("What is a pipe?").out == "Hello.\n"


def test_the_password_of_a_new_vault_is_not_beside_it(bare: Home) -> None:
    assert bare.call("--init", prog="loki").code == 0
    assert bare.run("--add-secret", "A", stdin="s\n", prog="loki").code == 0
    assert (bare.folder / "state" / "vault_password").exists()
    assert not (bare.folder / "vault_password").exists()
    assert bare.call("--get-secret", "A", prog="loki").out == "s\n"


def test_a_vault_that_is_there_keeps_its_password_where_it_is(bare: Home) -> None:
    assert bare.run("--add-secret", "A", stdin="s\n", prog="loki").code == 0
    assert bare.call("--init", prog="loki").code == 0
    assert bare.call("--get-secret", "A", prog="loki").out == "s\n"


def test_completion_is_offered_for_the_shell_in_use(bare: Home) -> None:
    assert "loki --completions zsh" in bare.call("--init", prog="loki").err
