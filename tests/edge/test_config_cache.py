"""What was parsed once is remembered for the very same file, and no secret with it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from commands import Home
from servers import ANSWER, serving

from loki.edge.config_cache import cache_text, file_key, is_plain, read_cache, read_config, set_in
from loki.json_text import JsonObject

SECRET = "sk-0123456789"
TEXT = f"clients:\n  - type: openai\n    api_key: {SECRET}\n"
PLAIN: JsonObject = {"clients": [{"type": "openai", "api_key": SECRET}]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a configuration in a folder of its owner's."""
    tmp_path.chmod(0o700)
    file = tmp_path / "config.yaml"
    file.write_text(TEXT)
    return file


def test_a_cache_has_the_place_of_a_secret_and_not_the_secret(path: Path) -> None:
    text = cache_text(str(path), path.stat(), PLAIN, path.read_bytes())
    assert text is not None and SECRET not in text
    ((keys, start, end),) = json.loads(text)["secrets"]["places"]
    assert (keys, path.read_bytes()[start:end].decode()) == (["clients", 0, "api_key"], SECRET)
    assert PLAIN["clients"][0]["api_key"] == SECRET  # which is used, and stays


def test_the_second_reading_is_of_the_cache_and_gives_the_same(path: Path) -> None:
    environ = {"LOKI_CACHE_DIR": str(path.parent / "cache")}
    assert read_config(str(path), environ).unwrap() == PLAIN
    (cache,) = (path.parent / "cache").glob("config-*.json")
    assert read_cache(str(cache), str(path), path.stat()) == PLAIN


def test_a_file_that_changes_while_it_is_read_is_not_cached(path: Path) -> None:
    before = path.stat()
    path.write_text(TEXT + "# more\n")
    assert cache_text(str(path), before, PLAIN, TEXT.encode()) is None


def test_a_file_in_the_place_of_another_has_another_key(path: Path) -> None:
    before = path.stat()
    other = path.with_name("other")
    other.write_text(TEXT)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert file_key(str(path), before) != file_key(str(path), path.stat())


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ({}, True),
        (PLAIN, True),
        ({"clients": {}}, False),
        ({"clients": ["openai"]}, False),
        ({"clients": [{"type": 1}]}, False),
    ],
)
def test_only_the_shape_of_a_configuration_is_taken(plain: JsonObject, expected: bool) -> None:
    assert is_plain(plain) is expected


@pytest.mark.parametrize("keys", [["a", "x", "b"], ["a", 0, "b"], ["z", "b"]])
def test_a_place_that_is_not_there_is_an_error(keys: list[str | int]) -> None:
    with pytest.raises((LookupError, TypeError)):
        set_in({"a": {"b": [1]}}, keys, "new")


def test_no_file_is_no_configuration_unless_it_was_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.yaml")
    assert read_config(missing, {}).unwrap() is None
    named = read_config(missing, {"LOKI_CONFIG_FILE": missing}).failure()
    assert (named.kind, named.message) == ("config", f"no configuration file {missing}")


def piped(home: Home, text: str) -> str:
    """Return the path of a pipe that holds a text; it is open as long as the test runs."""
    read, write = os.pipe()
    os.write(write, text.encode())
    os.close(write)
    home.environ["PIPE"] = str(read)
    return f"/dev/fd/{read}"


CONFIG = """clients:
- {type: openai-compatible, name: c, api_base: URL, api_key: sk-0123456789, models: [{name: m}]}
"""


@pytest.mark.parametrize("words", [["Hi"], ["--dry-run", "--explain", "Hi"], ["--check"]])
def test_a_configuration_may_come_through_a_pipe(home: Home, words: list[str]) -> None:
    with serving(ANSWER) as server:
        path = piped(home, CONFIG.replace("URL", server.address))
        done = home.call("--config", path, "--timeout", "30", *words, prog="loki")
    os.close(int(home.environ["PIPE"]))
    assert done.code == 0, done.err
    assert not [*home.folder.glob("config-*.json")], "what comes through a pipe is not kept"


def test_a_configuration_that_never_ends_is_waited_for_until_the_timeout(home: Home) -> None:
    pipe = home.folder / "pipe"
    os.mkfifo(pipe, 0o600)
    for prog, words in (("loki-pipe", ["Hi"]), ("loki", ["--check"]), ("loki-embed", ["Hi"])):
        done = home.run("--config", str(pipe), "--timeout", "0.3", *words, prog=prog)
        assert (done.code, done.out) == (69, "")
        start = f"{prog}: offline: configuration: {pipe} did not end within the time"
        assert done.err.startswith(start) and "; nothing was sent" in done.err


def test_a_pipe_that_is_no_configuration_is_an_error_with_its_place(home: Home) -> None:
    path = piped(home, "modle: x\n")
    done = home.call("--config", path, "Hi")
    os.close(int(home.environ["PIPE"]))
    assert done.code == 78 and done.err.startswith(f"loki-pipe: config: {path}:1:1: unknown key")
