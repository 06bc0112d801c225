"""Two users of one machine: nobody plants files, as a process of his own, where another works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL
from sysconfig import get_path
from typing import Any

import pytest
from commands import Done, Home
from servers import ANSWER, plain, reply, serving
from support import ROOT

ME, NOBODY = 1000, 65534


def find_python() -> str:
    """Return a Python like this one that another user can run, empty if there is none."""
    if os.name != "posix" or os.geteuid() != 0:
        return ""
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (sys.executable, system):
        with suppress(OSError):
            words = [path, "-c", "import loki.cli.main, requests"]
            if not subprocess.run(words, env=PATHS, cwd="/", stderr=DEVNULL, **user(ME)).returncode:
                return path
    return ""


#: What lets another Python find loki and what it needs.
PATHS = {"PYTHONPATH": f"{ROOT}{os.pathsep}{get_path('purelib')}", "PYTHONDONTWRITEBYTECODE": "1"}


def user(number: int) -> dict[str, Any]:
    """Return the options of a process of a user's, who is in no other group."""
    return {"user": number, "group": number, "extra_groups": []}


PYTHON = find_python()
RUN = "import sys; from loki.cli.main import run; run('loki-pipe')"
pytestmark = pytest.mark.skipif(
    not PYTHON, reason="only root can be two other users, who can run a Python"
)


@dataclass
class Place:
    """A folder as /tmp is, and in it the home of a user."""

    folder: Path
    home: Home

    def call(self, *words: str, **env: str) -> Done:
        """Run a command as that user, with more variables; PLACE is the folder."""
        filled = {name: value.replace("PLACE", str(self.folder)) for name, value in env.items()}
        given = [PYTHON, "-c", RUN, "-n", "-m", "local:m"]
        given += [word.replace("PLACE", str(self.folder)) for word in words]
        done = subprocess.run(
            given,
            env={**self.home.variables(), **PATHS, **filled},
            cwd=self.folder,
            stdin=DEVNULL,
            capture_output=True,
            timeout=60,
            **user(ME),
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def plant(self, name: str, text: str, mode: str = "644") -> Path:
        """Write a file as nobody, with the folders that it needs; return its path."""
        path = self.folder / name
        script = 'umask 0; mkdir -p "$(dirname "$1")"; cat > "$1"; chmod "$2" "$1"'
        words = ["sh", "-c", script, "sh", str(path), mode]
        subprocess.run(words, input=text.encode(), cwd="/", check=True, **user(NOBODY))
        assert path.stat().st_uid == NOBODY
        return path


@pytest.fixture
def place() -> Iterator[Place]:
    """Return a folder where everybody may make files, and a user's home in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o1777)
        home = folder / "home"
        home.mkdir(0o755)
        os.chown(home, ME, ME)
        yield Place(folder, Home(home))


@dataclass(frozen=True)
class Planted:
    """A file of nobody's, how the user comes to it, and the exit code."""

    name: str
    text: str
    code: int
    words: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)
    client: str = "api_key: own"
    mode: str = "644"


COMMAND = {
    "type": "function",
    "function": {"name": "f", "parameters": {}},
    "command": ["touch", "PLACE/ran"],
}
PROMPT = "---\nmodel: planted:m\nsystem: planted\n---\nplanted {{ input }}\n"
TURN = '{"role": "user", "content": "planted"}\n'
TOKEN = {"access": "planted", "refresh": "planted", "obtained": 0, "expires": None}
LOGIN = (
    "auth: oauth\noauth:\n  client_id: id\n  token_url: ADDRESS/token\n"
    "  authorize_url: ADDRESS/authorize"
)

#: What is refused before anything is sent.
REFUSED: dict[str, Planted] = {
    "a configuration": Planted(
        "config.yaml", "model: planted:m\n", 78, environ={"LOKI_CONFIG_FILE": "PLACE/config.yaml"}
    ),
    ".env": Planted(
        ".env",
        "LOCAL_API_BASE=ADDRESS/planted\nLOCAL_API_KEY=planted\n",
        78,
        environ={"LOKI_ENV_FILE": "PLACE/.env"},
        client="",
    ),
    "a vault": Planted(
        "vault.yml",
        "vault: 1\n",
        77,
        environ={"LOKI_VAULT_FILE": "PLACE/vault.yml"},
        client="api_key: '{{KEY}}'",
    ),
    "tools": Planted("tools.json", json.dumps([COMMAND]), 78, ("--tools", "PLACE/tools.json")),
    "tools that run": Planted(
        "tools.json", json.dumps([COMMAND]), 78, ("--tools", "PLACE/tools.json", "--run-tools")
    ),
    "a prompt file by its name": Planted("home/templates/a", PROMPT, 78, ("-T", "a")),
    "a prompt file in the working folder": Planted("a.md", PROMPT, 78, ("-T", "a.md")),
    "a patch": Planted(
        "patch.json", '{"url": "ADDRESS/planted"}', 78, ("--patch", "PLACE/patch.json")
    ),
    "a conversation": Planted("talk.jsonl", TURN, 78, ("-C", "PLACE/talk.jsonl"), mode="666"),
    "a token": Planted(
        "cache/oauth/local.json",
        json.dumps(TOKEN),
        78,
        environ={"LOKI_CACHE_DIR": "PLACE/cache"},
        client=LOGIN,
    ),
    "a registration": Planted(
        "cache/oauth/registered/local.json",
        '{"client_id": "planted", "client_secret": "planted"}',
        78,
        environ={"LOKI_CACHE_DIR": "PLACE/cache"},
        client=LOGIN.replace("  client_id: id\n", ""),
    ),
}


@pytest.mark.parametrize("planted", REFUSED.values(), ids=list(REFUSED))
def test_what_nobody_plants_is_named_and_neither_read_nor_run(
    planted: Planted, place: Place
) -> None:
    with serving(ANSWER) as server:
        place.home.local(server.address, client=planted.client.replace("ADDRESS", server.address))
        if planted.name.startswith("home/"):
            (place.home.folder / "templates").mkdir()
            (place.home.folder / "templates").chmod(0o777)
        text = planted.text.replace("ADDRESS", server.address).replace("PLACE", str(place.folder))
        path = place.plant(planted.name, text, planted.mode)
        done = place.call(*planted.words, "Hi", **planted.environ)
        shown = place.call(*planted.words, "--dry-run", "Hi", **planted.environ)
    assert (done.code, server.asked) == (planted.code, []), done
    (refusal,) = (line for line in done.err.splitlines() if line.startswith("loki-pipe: "))
    named = (path.name, path, *path.parents[: len(path.relative_to(place.folder).parts)])
    why = ("another user owns it (uid 65534)", "anybody can write it")
    assert any(f": {each}: {reason}" in refusal for each in named for reason in why), done.err
    assert "planted" not in done.out + shown.out and not (place.folder / "ran").exists()
    assert path.read_text() == text


def test_a_prompt_file_of_nobody_s_is_chosen_by_its_path_but_sends_nowhere_else(
    place: Place,
) -> None:
    with serving(ANSWER) as server:
        place.home.local(server.address)
        place.plant("a.md", "Say {{ input }}")
        assert place.call("-T", "PLACE/a.md", "Hi").out == "Hello.\n"
        for line in (
            "proxy: http://127.0.0.1:9",
            "run-tools: true",
            "patch: {}",
            "file: /etc/passwd",
        ):
            place.plant("a.md", f"---\n{line}\n---\nSay")
            assert place.call("-T", "PLACE/a.md", "Hi").code == 65
    assert len(server.asked) == 1


def test_the_same_files_of_the_user_s_own_are_read(place: Place) -> None:
    with serving(plain(reply())) as server:
        place.home.local(server.address)
        path = place.plant("a.md", "Say {{ input }}")
        os.chown(path, ME, ME)
        done = place.call("-S", "-T", "PLACE/a.md", "Hi")
    assert (done.code, done.out) == (0, "Hello.\n"), done
    assert server.asked[0].json["messages"][0]["content"].startswith("Say")


def test_a_cache_of_the_configuration_that_nobody_plants_is_not_used(place: Place) -> None:
    with serving(plain(reply())) as server, serving(plain(reply("planted"))) as other:
        place.home.local(server.address)
        assert place.call("-S", "Hi").code == 0
        (own,) = place.home.folder.glob("config-*.json")
        path = place.plant(
            f"cache/{own.name}", own.read_text().replace(server.address, other.address)
        )
        done = place.call("-S", "Hi", LOKI_CACHE_DIR="PLACE/cache")
    assert (done.code, done.out, other.asked) == (0, "Hello.\n", []), done
    assert done.err.startswith("not used: ") and str(path.parent) in done.err


def test_an_answer_that_nobody_plants_is_not_given(place: Place) -> None:
    with serving(plain(reply())) as server:
        place.home.local(server.address)
        assert place.call("-S", "Hi", "--cache").code == 0 and len(server.asked) == 1
        (own,) = (place.home.folder / "answers").iterdir()
        planted = own.read_bytes().decode().replace("Hello.", "Planted")
        path = place.plant(f"cache/answers/{own.name}", planted)
        done = place.call("-S", "Hi", "--cache", LOKI_CACHE_DIR="PLACE/cache")
        again = place.call("-S", "Hi", "--cache")
    assert (done.code, done.out, len(server.asked)) == (78, "", 1), done
    assert "the answer cache is not used: " in done.err and str(path.parent.parent) in done.err
    assert (again.code, again.out, len(server.asked)) == (0, "Hello.\n", 1)
