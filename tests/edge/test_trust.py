"""Files that make us run or send something are refused where another user could write them."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import Home
from returns.result import Success
from servers import ANSWER, plain, reply, serving
from support import auth_context

from loki.edge.auth import vault
from loki.edge.auth.token_cache import Token, save_token
from loki.edge.trust import UntrustedFileError, make_private_folder, open_user_file, refusal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")

ME, OTHER = 1000, 1001
FILE, FOLDER, DEVICE = stat.S_IFREG, stat.S_IFDIR, stat.S_IFCHR
STAFF = 54321  # a group that no machine has

#: Mode, owner, group, who reads -> what is said.
JUDGED: dict[str, tuple[int, int, int, int, str]] = {
    "my own": (FILE | 0o644, ME, STAFF, ME, ""),
    "root's": (FILE | 0o644, 0, 0, ME, ""),
    "another's": (FILE | 0o600, OTHER, STAFF, ME, "another user owns it (uid 1001)"),
    "everybody's": (FILE | 0o646, ME, STAFF, ME, "anybody can write it"),
    "root's for everybody": (FILE | 0o646, 0, 0, ME, "anybody can write it"),
    "a group's": (FILE | 0o664, ME, STAFF, ME, "its group (gid 54321) can write it"),
    "the owner's own group's": (FILE | 0o664, 0, 0, 0, ""),
    "of a group of nobodies": (FILE | 0o664, 65534, 65534, 65534, "its group (gid 65534) can"),
    "root reads a user's": (FILE | 0o644, ME, STAFF, 0, ""),
    "root reads everybody's": (FILE | 0o646, ME, STAFF, 0, "anybody can write it"),
    "a device": (DEVICE | 0o666, 0, 0, ME, ""),
    "a folder": (FOLDER | 0o777, ME, STAFF, ME, "anybody can write it"),
    "a sticky folder": (FOLDER | 0o1777, 0, 0, ME, ""),
    "another's sticky folder": (FOLDER | 0o1777, OTHER, 0, ME, "another user owns it"),
}


@pytest.mark.parametrize("case", JUDGED)
def test_a_file_is_judged_by_its_owner_and_who_can_write_it(case: str) -> None:
    mode, owner, group, user, expected = JUDGED[case]
    status = os.stat_result((mode, 1, 1, 1, owner, group, 1, 0, 0, 0))
    message = refusal("/etc/a file", status, user)
    assert message.startswith(f"/etc/a file: {expected}") if expected else message == ""
    assert "can write" not in message or message.endswith("chmod go-w '/etc/a file'")


def test_a_link_is_followed_to_the_file_that_counts(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("a")
    (tmp_path / "link").symlink_to("real")
    with open(tmp_path / "link", opener=open_user_file) as file:
        assert file.read() == "a"
    (tmp_path / "real").chmod(0o666)
    with pytest.raises(UntrustedFileError, match="anybody can write it"):
        open_user_file(str(tmp_path / "link"), os.O_RDONLY)


def test_a_folder_is_private_with_all_above_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_private_folder(str(tmp_path / "a" / "b" / "c"))
    finally:
        os.umask(before)
    made = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in made] == [0o700] * 3


def test_new_files_are_their_owner_s_alone_whatever_the_umask(home: Home) -> None:
    with serving(ANSWER, plain(reply())) as server:
        home.local(server.address)
        home.environ["LOKI_STATE_DIR"] = str(home.folder / "new" / "state")
        home.environ["LOKI_CACHE_DIR"] = str(home.folder / "new" / "cache" / "loki")
        before = os.umask(0)
        try:
            assert home.run("Hi").code == 0
            environ = {**home.variables(), "LOKI_CONFIG_DIR": str(home.folder / "new" / "config")}
            context = auth_context(environ)
            assert vault.add("KEY", "v", context, lambda path: Success("")) == Success(None)
            save_token(f"{home.folder}/new/cache/oauth/local.json", Token("a"))
            out, summary = home.folder / "new" / "out.jsonl", home.folder / "new" / "summary"
            words = ["--lines", "-o", str(out), "--summary", str(summary)]
            assert home.run(*words, stdin="a\nb\n", prog="loki-batch").code == 0
        finally:
            os.umask(before)
    made = [*(home.folder / "new").rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in made}
    assert len(modes) > 11 and {out, summary} <= {*modes}
    assert {path: mode for path, mode in modes.items() if mode & 0o077} == {}


# ---- commands ------------------------------------------------------------------------------------


def settled(home: Home, address: str) -> None:
    """A client whose key is in the vault, and a .env."""
    home.local(address, client="api_key: '{{KEY}}'")
    assert vault.add(
        "KEY", "s3cret-value", auth_context(home.variables()), lambda path: Success("")
    ) == Success(None)
    (home.folder / ".env").write_text("LOKI_MODEL=local:m\n")


#: The file, and the exit code.
REFUSED = {"config.yaml": 78, ".env": 78, "vault.yml": 77}


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_is_sent_by_a_file_that_anybody_can_write(name: str, home: Home) -> None:
    with serving(ANSWER) as server:
        settled(home, server.address)
        assert home.run("Hi").out == "Hello.\n"
        path = home.folder / name
        path.chmod(0o666)
        done = home.run("Hi")
        path.chmod(0o644)
        again = home.run("Hi")
    assert done.code == REFUSED[name] and len(server.asked) == 2 and again.code == 0
    assert f"{path}: anybody can write it; others must not: chmod go-w {path}\n" in done.err
    assert done.err.count("\n") == 1 and done.out == ""


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_is_sent_by_a_file_that_anybody_can_replace(name: str, home: Home) -> None:
    folder = home.folder / "of-all"
    folder.mkdir()
    with serving(ANSWER) as server:
        settled(home, server.address)
        path = folder / name
        (home.folder / name).rename(path)
        variable = {"config.yaml": "CONFIG", ".env": "ENV", "vault.yml": "VAULT"}[name]
        home.environ[f"LOKI_{variable}_FILE"] = str(path)
        folder.chmod(0o777)
        done = home.run("-m", "local:m", "Hi")
        folder.chmod(0o700)
        assert home.run("-m", "local:m", "Hi").code == 0
    assert done.code == REFUSED[name] and len(server.asked) == 1
    assert f"{folder}: anybody can write it; others must not: chmod go-w {folder}\n" in done.err


def test_a_folder_of_others_without_any_file_of_ours_is_no_matter(home: Home) -> None:
    (home.folder / "empty").mkdir(mode=0o777)
    (home.folder / "empty").chmod(0o777)
    with serving(ANSWER) as server:
        home.environ |= {"LOKI_CONFIG_DIR": str(home.folder / "empty"), "LOKI_PLATFORM": "openai"}
        home.environ |= {"OPENAI_API_BASE": server.address, "OPENAI_API_KEY": "k"}
        assert home.run("Hi").code == 0


@pytest.mark.parametrize("name", ["config.yaml", ".env"])
def test_a_check_finds_a_file_that_anybody_can_write(name: str, home: Home) -> None:
    settled(home, "http://127.0.0.1:9")
    assert home.run("--check", prog="loki").code == 0
    path = home.folder / name
    path.chmod(0o666)
    done = home.run("--check", prog="loki")
    assert done.code == 78 and f"{path}: anybody can write it" in done.err and done.out == ""


def test_a_configuration_on_a_device_or_a_pipe_is_read(home: Home) -> None:
    done = home.run("--config", "/dev/null", "-m", "x", "--dry-run", "Hi")
    assert "write it" not in done.err
    home.environ["LOKI_ENV_FILE"] = "/dev/null"
    with serving(ANSWER) as server:
        home.local(server.address)
        assert home.run("Hi").code == 0


def by_mode(path: Path) -> None:
    """Let everybody write a file."""
    path.chmod(0o666)


def by_folder(path: Path) -> None:
    """Let everybody write the folder of a file."""
    path.parent.chmod(0o777)


@pytest.mark.parametrize("spoil", [by_mode, by_folder])
def test_a_token_that_others_can_replace_is_refused(
    spoil: Callable[[Path], Any], home: Home
) -> None:
    oauth = (
        "auth: oauth\noauth:\n  client_id: id\n  token_url: http://127.0.0.1:9/token\n"
        "  authorize_url: http://127.0.0.1:9/authorize"
    )
    path = home.folder / "oauth" / "local.json"
    path.parent.mkdir(mode=0o700)
    path.write_text(json.dumps({"access": "a", "refresh": "b", "obtained": 0, "expires": None}))
    with serving(ANSWER) as server:
        home.local(server.address, client=oauth)
        assert home.run("Hi").code == 0
        spoil(path)
        done = home.run("Hi")
    assert done.code == 78 and len(server.asked) == 1
    assert "anybody can write it; others must not: chmod go-w" in done.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_is_told_of_a_user_s_file_and_reads_it(home: Home) -> None:
    with serving(ANSWER) as server:
        path = home.local(server.address)
        os.chown(path, 65534, 65534)
        done = home.run("Hi")
    assert (done.code, done.out) == (0, "Hello.\n")
    assert done.err == f"root reads {path}, which belongs to another user (uid 65534)\n"


# ---- another user plants files -------------------------------------------------------------------

ANOTHER = 65533  # the user who runs commands; nobody (65534) plants
as_root = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root can give files away"
)


@pytest.fixture
def another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a user who is not root, as far as we ask who we are."""
    monkeypatch.setattr(os, "geteuid", lambda: ANOTHER)


def plant(path: Path, text: str) -> None:
    """Write a file of nobody's that anybody can read."""
    path.parent.mkdir(exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o644)
    os.chown(path, 65534, 65534)


LOGIN = (
    "auth: oauth\noauth:\n  client_id: id\n  token_url: http://127.0.0.1:9/token\n"
    "  authorize_url: http://127.0.0.1:9/authorize"
)
TOKEN = {"access": "planted", "refresh": "b", "obtained": 0, "expires": None}
#: What is planted, and the exit code of a call.
PLANTED: dict[str, tuple[str, int]] = {
    "config.yaml": ("model: planted:m\n", 78),
    ".env": ("LOCAL_API_KEY=planted\n", 78),
    "vault.yml": ("vault: 1\n", 77),
    "oauth/local.json": (json.dumps(TOKEN), 78),
    "tools.json": ("[]", 78),
}


@as_root
@pytest.mark.usefixtures("another")
@pytest.mark.parametrize("name", PLANTED)
def test_no_file_that_another_user_planted_is_read_and_each_is_named(name: str, home: Home) -> None:
    text, code = PLANTED[name]
    with serving(ANSWER) as server:
        home.local(server.address, client=LOGIN if "oauth" in name else "api_key: '{{KEY}}'")
        home.environ["KEY"] = "own"
        path = home.folder / name
        plant(path, text)
        words = ["--tools", str(path)] if name == "tools.json" else []
        done = home.call(*words, "Hi")
    assert done.code == code and server.asked == [], done
    assert f"{path}: another user owns it (uid 65534)" in done.err and "planted" not in done.out


@as_root
@pytest.mark.usefixtures("another")
@pytest.mark.parametrize("how", ["another's", "a link", "open to all"])
@pytest.mark.parametrize("kind", ["config-*.json", "models.json"])
def test_no_cache_that_another_user_planted_is_used_and_each_is_named(
    kind: str, how: str, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        assert home.call("Hi").code == 0 and caplog.messages == []
        (home.folder / "models.json").write_text('{\n"date": "2999-01-01"')
        (path,) = home.folder.glob(kind)
        if how == "another's":
            plant(path, path.read_text())
        elif how == "a link":
            path.symlink_to(path.rename(home.folder / "elsewhere"))
        else:
            path.chmod(0o666)
        done = home.call("Hi")
    assert (done.code, done.out) == (0, "Hello.\n"), done
    (message,) = caplog.messages
    assert message.startswith(f"not used: {path}: ")
