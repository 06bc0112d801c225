"""The vault: what goes in comes out, nothing else does, and a broken one is never misread."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from difflib import ndiff
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Result, Success
from support import auth_context

from loki.edge.auth import vault
from loki.edge.auth.auth_context import AuthContext
from loki.edge.auth.vault_format import NONCE, decrypt, encrypt
from loki.edge.auth.vault_password import password_file
from loki.problems import Problem
from loki.redaction.redactor import Redactor

SECRETS = {"ALPHA": "first value", "BETA": "second value", "GAMMA": "third\nvalue\n"}


def choosing(word: str = "") -> vault.ChoosePassword:
    """Return a function that chooses this password."""
    return lambda path: Success(word)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables of a vault that property tests change."""
    return filled(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def opened(shared: dict[str, str]) -> AuthContext:
    """Return what that vault is opened with: its key is derived once."""
    return auth_context(shared)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return the text of a vault and its password, made once: deriving a key takes time."""
    environ = filled(tmp_path_factory.mktemp("written"))
    return text_of(environ), Path(password_file(environ)).read_text()


@pytest.fixture
def environ(tmp_path: Path, written: tuple[str, str]) -> dict[str, str]:
    """Return the variables of a user with secrets in a vault."""
    (tmp_path / "vault.yml").write_text(written[0])
    (tmp_path / "vault_password").write_text(written[1])
    (tmp_path / "vault_password").chmod(0o600)
    return {"LOKI_CONFIG_DIR": str(tmp_path)}


@pytest.fixture
def nobody(tmp_path: Path) -> dict[str, str]:
    """Return the variables of a user without a vault."""
    return {"LOKI_CONFIG_DIR": str(tmp_path / "config")}


def filled(folder: Path) -> dict[str, str]:
    """Put secrets into a new vault; return the variables that lead to it."""
    environ = {"LOKI_CONFIG_DIR": str(folder)}
    context = auth_context(environ)
    for name, value in SECRETS.items():
        assert vault.add(name, value, context, choosing("correct horse")) == Success(None)
    return environ


def text_of(environ: dict[str, str]) -> str:
    """Return the text of the vault's file."""
    return Path(vault.vault_file(environ)).read_text()


def mode(path: str) -> int:
    """Return the permission bits of a file."""
    return stat.S_IMODE(os.stat(path).st_mode)


def folder_instead(path: Path) -> None:
    """Replace a file by a folder."""
    path.unlink()
    path.mkdir()


def link_instead(path: Path) -> None:
    """Replace a file by a dangling link."""
    path.unlink()
    path.symlink_to("nowhere")


# ---- in and out --------------------------------------------------------------------------------


@given(st.text(min_size=1))
def test_any_text_comes_out_as_it_went_in(opened: AuthContext, value: str) -> None:
    assert vault.update("ALPHA", value, opened) == Success(None)
    assert (
        vault.require_secret("ALPHA", opened)
        == vault.find_secret("ALPHA", opened)
        == Success(value)
    )
    assert vault.require_secret("BETA", opened) == Success(SECRETS["BETA"])


@given(st.text(), st.text(), st.text(), st.binary(min_size=NONCE, max_size=NONCE))
def test_a_value_opens_only_under_its_own_name(
    value: str, name: str, other: str, nonce: bytes
) -> None:
    key = bytes(32)
    token = encrypt(key, name, value, nonce)
    assert decrypt(key, name, token) == value
    assert other == name or decrypt(key, other, token) is None
    assert decrypt(bytes(31) + b"1", name, token) is None


@given(st.sets(st.from_regex(r"[A-Za-z0-9_.-]{1,8}", fullmatch=True), max_size=4))
def test_names_are_kept_in_order_and_can_be_taken_out(
    shared: dict[str, str], opened: AuthContext, names: set[str]
) -> None:
    held = [name for name in names if vault.add(name, "v", opened, choosing()) == Success(None)]
    assert vault.list_names(shared) == Success(sorted({*held, *SECRETS}))
    for name in held:
        assert vault.require_secret(name, opened) == Success("v")
        assert vault.delete(name, shared) == Success(None)
    assert vault.list_names(shared) == Success(sorted(SECRETS))


def test_every_secret_is_a_line_and_no_line_tells_it(environ: dict[str, str]) -> None:
    text = text_of(environ)
    assert re.findall(r"^  (\w+): \S+$", text, re.M) == sorted(SECRETS)
    assert not any(value in text for value in [*SECRETS.values(), "correct horse"])


def changed_lines(before: str, after: str) -> list[str]:
    """Return the changed lines of a diff, without their values."""
    shown = (line for line in ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-")
    return [line.split(":")[0] for line in shown]


CHANGES: dict[str, tuple[Callable[[dict[str, str]], Result[None, Problem]], list[str]]] = {
    "a new one": (lambda e: vault.add("BETTER", "v", auth_context(e), choosing()), ["+   BETTER"]),
    "a new last one": (lambda e: vault.add("Z", "v", auth_context(e), choosing()), ["+   Z"]),
    "another value": (
        lambda e: vault.update("BETA", "v", auth_context(e)),
        ["-   BETA", "+   BETA"],
    ),
    "the same value": (lambda e: vault.update("BETA", SECRETS["BETA"], auth_context(e)), []),
    "one less": (lambda e: vault.delete("BETA", e), ["-   BETA"]),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_touches_one_line(environ: dict[str, str], case: str) -> None:
    change, lines = CHANGES[case]
    before = text_of(environ)
    assert change(environ) == Success(None)
    assert changed_lines(before, text_of(environ)) == lines


def test_what_a_user_writes_between_the_lines_stays(environ: dict[str, str]) -> None:
    path = Path(vault.vault_file(environ))
    path.write_text(path.read_text().replace("  BETA", "  # of the team\n\n  BETA"))
    assert vault.update("BETA", "v", auth_context(environ)) == Success(None)
    assert "  # of the team\n\n  BETA: " in path.read_text()
    assert vault.require_secret("BETA", auth_context(environ)) == Success("v")


def test_a_vault_from_a_checkout_with_other_line_ends_is_read(environ: dict[str, str]) -> None:
    path = Path(vault.vault_file(environ))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert vault.require_secret("GAMMA", auth_context(environ)) == Success(SECRETS["GAMMA"])
    assert vault.update("GAMMA", "v", auth_context(environ)) == Success(None)
    assert vault.require_secret("GAMMA", auth_context(environ)) == Success("v")


def test_the_same_value_is_never_sealed_alike(environ: dict[str, str]) -> None:
    for name in ("ONE", "TWO"):
        assert vault.add(name, "same", auth_context(environ), choosing()) == Success(None)
    one, two = re.findall(r"^  (?:ONE|TWO): (\S+)$", text_of(environ), re.M)
    assert one != two


def test_other_programs_read_it_as_yaml(environ: dict[str, str]) -> None:
    from strictyaml import load

    result = load(text_of(environ).removesuffix("...\n")).data
    assert list(result) == ["vault", "key", "secrets"]
    assert list(result["secrets"]) == sorted(SECRETS)


# ---- files -------------------------------------------------------------------------------------


def test_only_the_owner_may_read_what_is_written(nobody: dict[str, str]) -> None:
    before = os.umask(0)
    try:
        assert vault.add("A", "v", auth_context(nobody), choosing()) == Success(None)
    finally:
        os.umask(before)
    assert mode(vault.vault_file(nobody)) == mode(password_file(nobody)) == 0o600
    assert mode(nobody["LOKI_CONFIG_DIR"]) == 0o700


def test_a_random_password_is_strong_and_differs(nobody: dict[str, str], tmp_path: Path) -> None:
    other = {"LOKI_CONFIG_DIR": str(tmp_path / "other")}
    for each in (nobody, other):
        assert vault.add("A", "v", auth_context(each), choosing()) == Success(None)
    one, two = (Path(password_file(each)).read_text() for each in (nobody, other))
    assert one != two and len(one) == len(two) == 44


def test_the_files_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    elsewhere = {"LOKI_VAULT_FILE": "~/a/v.yml", "LOKI_VAULT_PASSWORD_FILE": "~/b/p"}
    environ = {"LOKI_CONFIG_DIR": str(tmp_path / "c"), **elsewhere}
    assert vault.add("A", "v", auth_context(environ), choosing("word")) == Success(None)
    assert vault.require_secret("A", auth_context(environ)) == Success("v")
    assert (tmp_path / "b" / "p").read_text() == "word\n"
    assert (tmp_path / "a" / "v.yml").exists() and not (tmp_path / "c").exists()


def test_a_password_that_is_there_is_taken(nobody: dict[str, str]) -> None:
    path = Path(password_file(nobody))
    path.parent.mkdir()
    path.write_bytes(b"p\xffss w\xc3\xb6rd\r\n\n")
    path.chmod(0o600)
    context = auth_context(nobody)
    assert vault.add("A", "v", context, lambda path: pytest.fail("asked")) == Success(None)
    path.write_bytes(b"p\xffss w\xc3\xb6rd")
    assert vault.require_secret("A", auth_context(nobody)) == Success("v")


def test_a_link_to_the_vault_stays_one(environ: dict[str, str], tmp_path: Path) -> None:
    link = tmp_path / "link.yml"
    link.symlink_to("vault.yml")
    context = auth_context({**environ, "LOKI_VAULT_FILE": str(link)})
    assert vault.update("BETA", "v", context) == Success(None)
    assert link.is_symlink() and vault.require_secret("BETA", auth_context(environ)) == Success("v")


def test_without_a_vault_there_are_no_names(nobody: dict[str, str]) -> None:
    context = auth_context(nobody)
    assert vault.list_names(nobody) == Success([]) and vault.find_secret("A", context) == Success(
        None
    )
    path = vault.vault_file(nobody)
    lost = Problem("config", f"no secret 'A': there is no vault {path}")
    assert vault.require_secret("A", auth_context(nobody)).failure() == lost
    context = auth_context(nobody)
    assert vault.delete("A", nobody).failure() == vault.update("A", "v", context).failure() == lost
    assert not os.path.exists(nobody["LOKI_CONFIG_DIR"])


# ---- refused -----------------------------------------------------------------------------------

NAMES = ["", " ", "a b", "a:b", "a/b", "a\n", "é", "{A}", "#a", "٣"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_letters_digits_and_three_signs(environ: dict[str, str], name: str) -> None:
    before = text_of(environ)
    problem = vault.add(name, "v", auth_context(environ), choosing()).failure()
    assert problem.kind == "usage" and "use letters, digits, and _ - ." in problem.message
    assert text_of(environ) == before


def test_an_empty_value_is_refused(environ: dict[str, str], nobody: dict[str, str]) -> None:
    empty = Failure(Problem("input", "an empty value is no secret"))
    context = auth_context(nobody)
    assert (
        vault.add("A", "", context, choosing())
        == vault.update("ALPHA", "", auth_context(environ))
        == empty
    )
    assert not os.path.exists(nobody["LOKI_CONFIG_DIR"])


def test_names_that_are_taken_or_unknown_are_told(environ: dict[str, str]) -> None:
    path = vault.vault_file(environ)
    taken = vault.add("BETA", "v", auth_context(environ), choosing()).failure()
    how = "change it with loki --update-secret BETA"
    assert taken == Problem("input", f"there is a secret 'BETA' in {path} already: {how}")
    unknown = Problem("config", f"no secret 'BETTA' in {path}; did you mean 'BETA'?")
    assert vault.require_secret("BETTA", auth_context(environ)).failure() == unknown
    assert vault.update("BETTA", "v", auth_context(environ)).failure() == unknown
    assert vault.delete("BETTA", environ).failure() == unknown


PASSWORDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "wrong": (lambda p: p.write_text("wrong\n"), "wrong password in PASSWORD for the vault VAULT"),
    "of another case": (lambda p: p.write_text("Correct horse"), "wrong password in PASSWORD"),
    "empty": (
        lambda p: p.write_text("\n"),
        "the vault VAULT is locked: its password file PASSWORD is empty",
    ),
    "not there": (
        lambda p: p.unlink(),
        "the vault VAULT is locked: its password file PASSWORD is not there;"
        " vault_password_file in the configuration says where it is",
    ),
    "a folder": (
        folder_instead,
        "the vault VAULT is locked: cannot read PASSWORD: is a directory",
    ),
    "read by a group": (
        lambda p: p.chmod(0o640),
        "others can read the vault's password: chmod 600 PASSWORD",
    ),
    "read by all": (lambda p: p.chmod(0o604), "others can read the vault's password"),
}


@pytest.mark.parametrize("case", PASSWORDS)
def test_a_password_that_does_not_do_is_told(environ: dict[str, str], case: str) -> None:
    spoil, message = PASSWORDS[case]
    path, before = Path(password_file(environ)), text_of(environ)
    spoil(path)
    result = message.replace("PASSWORD", str(path)).replace("VAULT", vault.vault_file(environ))
    for done in (
        vault.find_secret("BETA", auth_context(environ)),
        vault.require_secret("BETA", auth_context(environ)),
        vault.update("BETA", "v", auth_context(environ)),
        vault.add("NEW", "v", auth_context(environ), lambda path: pytest.fail("asked")),
    ):
        problem = done.failure()
        assert problem.kind == "auth" and problem.message.startswith(result)
    assert text_of(environ) == before


def test_names_are_listed_and_dropped_without_the_password(environ: dict[str, str]) -> None:
    os.unlink(password_file(environ))
    assert vault.list_names(environ) == Success(sorted(SECRETS))
    assert vault.delete("BETA", environ) == Success(None)
    assert vault.find_secret("BETA", auth_context(environ)) == Success(None)


# ---- damaged -----------------------------------------------------------------------------------

DAMAGE: dict[str, tuple[str, str, int, str]] = {
    "another version": ("vault: 1", "vault: 2", 2, "expected the line `vault: 1`"),
    "no version": ("vault: 1\n", "", 2, "expected the line `vault: 1`"),
    "no key": (r"key: .*\n", "", 3, "expected the line `key: argon2id …`"),
    "a key of another kind": ("argon2id", "scrypt", 3, "expected the line `key: argon2id …`"),
    "a cheap key": ("m=47104", "m=8", 3, "the line of the key is damaged"),
    "another salt": ("salt=.", "salt=!", 3, "expected the line `key: argon2id …`"),
    "half a salt": ("(salt=....)....", r"\1", 3, "the line of the key is damaged"),
    "another check": ("(check=...).", r"\1", 3, "the line of the key is damaged"),
    "no list": ("secrets:\n", "", 4, "expected the line `secrets:`"),
    "a conflict": ("  BETA", "<<<<<<< ours\n  BETA", 6, "a merge is not finished: choose"),
    "no colon": ("BETA:", "BETA", 6, "expected a name, a colon, base64"),
    "no value": ("BETA: .*", "BETA:", 6, "expected a name, a colon, base64"),
    "a bare value": ("BETA: .*", "BETA: my secret", 6, "expected a name, a colon, base64"),
    "a value in two lines": ("(BETA: .{9})", r"\1\n    ", 7, "expected a name, a colon, base64"),
    "a name twice": ("GAMMA", "BETA", 7, "a second BETA: the first is in line 6; delete one"),
    "no end": (r"\.\.\.\n", "", 7, "the rest of the file is missing"),
    "nothing": (r"(?s).*", "", 1, "the rest of the file is missing"),
    "nothing but a head": (r"(?s)secrets:.*", "...\n", 4, "the rest of the file is missing"),
    "no base64": ("BETA: ...", "BETA: ", 6, "BETA is damaged: set it again with"),
    "hardly anything": ("BETA: .*", "BETA: YWI=", 6, "BETA is damaged: set it again with"),
    "the value of another": ("BETA: .*", "BETA: {GAMMA}", 6, "BETA is damaged: set it again"),
    "one character": ("BETA: ....", "BETA: AAAA", 6, "BETA is damaged: set it again with"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_vault_is_told_with_its_line(environ: dict[str, str], case: str) -> None:
    pattern, by, line, message = DAMAGE[case]
    path = Path(vault.vault_file(environ))
    tokens = dict(re.findall(r"^  (\w+): (\S+)$", path.read_text(), re.M))
    damaged = re.sub(pattern, by.replace("{GAMMA}", tokens["GAMMA"]), path.read_text(), count=1)
    path.write_text(damaged)
    problem = vault.find_secret("BETA", auth_context(environ)).failure()
    assert problem.kind == "config" and problem.message.startswith(f"{path}:{line}: {message}")
    assert path.read_text() == damaged


def test_a_damaged_value_can_be_set_again_and_harms_no_other(environ: dict[str, str]) -> None:
    path = Path(vault.vault_file(environ))
    path.write_text(re.sub("BETA: ....", "BETA: AAAA", path.read_text()))
    assert vault.require_secret("ALPHA", auth_context(environ)) == Success(SECRETS["ALPHA"])
    assert vault.update("BETA", "v", auth_context(environ)) == Success(None)
    assert vault.require_secret("BETA", auth_context(environ)) == Success("v")


def test_no_typing_error_is_ever_misread(environ: dict[str, str]) -> None:
    path = Path(vault.vault_file(environ))
    good = path.read_text()
    start = good.index("vault: 1")
    context = auth_context(environ)
    for i in range(start, len(good)):
        path.write_text(good[:i] + ("b" if good[i] == "a" else "a") + good[i + 1 :])
        for name in ("ALPHA", "BETA"):
            found = vault.find_secret(name, context)
            ours = isinstance(found, Success) and found.unwrap() in (SECRETS[name], None)
            assert ours or found.failure().message.startswith(f"{path}:"), i


def test_no_vault_that_breaks_off_is_ever_read(environ: dict[str, str]) -> None:
    path = Path(vault.vault_file(environ))
    good = path.read_text()
    context = auth_context(environ)
    for end in range(len(good) - 1):
        path.write_text(good[:end])
        assert vault.find_secret("ALPHA", context).failure().message.startswith(f"{path}:"), end


@given(st.binary(max_size=300))
def test_garbage_is_a_problem_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.yml"
    path.write_bytes(garbage)
    problem = vault.find_secret("A", auth_context({"LOKI_VAULT_FILE": str(path)})).failure()
    assert problem.kind == "config" and str(path) in problem.message


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (folder_instead, "vault: cannot read VAULT: is a directory"),
    "a link to nowhere": (link_instead, "vault: no file VAULT"),
    "other data": (lambda p: p.write_bytes(b"\x89PNG"), "VAULT is not UTF-8 text: byte 0 is 0x89"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_vault_that_cannot_be_read_is_not_passed_over(environ: dict[str, str], case: str) -> None:
    spoil, message = UNREADABLE[case]
    path = Path(vault.vault_file(environ))
    spoil(path)
    result = Problem("config", message.replace("VAULT", str(path)))
    assert vault.find_secret("BETA", auth_context(environ)).failure() == result
    assert vault.add("NEW", "v", auth_context(environ), choosing()).failure() == result


# ---- many at once, and the end at any moment -----------------------------------------------------


def test_a_vault_that_another_process_holds_is_waited_for_and_given_up(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    monkeypatch.setattr(vault, "LOCK_TIMEOUT", 0.1)
    with FileLock(f"{vault.vault_file(environ)}.lock"):
        problem = vault.delete("BETA", environ).failure()
    assert problem.kind == "busy" and "another process has held" in problem.message
    assert vault.delete("BETA", environ) == Success(None)  # and let go again
    assert vault.delete("ALPHA", environ) == Success(None)


WRITER = """
import os, sys
from loki.edge.auth import vault
from loki.edge.auth.vault_password import password_file
from loki.edge.auth.auth_context import AuthContext
from loki.redaction.redactor import Redactor
context = AuthContext(dict(os.environ), Redactor())
while True:
    for value in ("old" * 30000, "new" * 30000):
        vault.update("BETA", value, context).unwrap()
    print("wrote", flush=True)
"""


def test_killed_while_writing_the_vault_is_the_old_or_the_new(environ: dict[str, str]) -> None:
    assert vault.update("BETA", "old" * 30000, auth_context(environ)) == Success(None)
    for i in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER], env={**os.environ, **environ}, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout and process.stdout.readline() == b"wrote\n"
            time.sleep(0.0037 * i)
            process.kill()
        assert vault.require_secret("BETA", auth_context(environ)).unwrap() in (
            "old" * 30000,
            "new" * 30000,
        )
        assert vault.require_secret("ALPHA", auth_context(environ)) == Success(SECRETS["ALPHA"])
    assert vault.update("BETA", "still", auth_context(environ)) == Success(None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system, which only root can do."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True)
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if done.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_vault(environ: dict[str, str], small_disk: Path) -> None:
    path = small_disk / "vault.yml"
    path.write_text(text_of(environ))
    before = path.read_bytes()
    there = {**environ, "LOKI_VAULT_FILE": str(path)}
    problem = vault.update("BETA", "v" * 9000, auth_context(there)).failure()
    assert problem.message == f"cannot write {path}: no space left on device; it is as it was"
    assert path.read_bytes() == before
    assert sorted(os.listdir(small_disk)) == ["vault.yml", "vault.yml.lock"]
    assert vault.require_secret("BETA", auth_context(there)) == Success(SECRETS["BETA"])


# ---- never shown, and soon there -----------------------------------------------------------------


def test_what_was_read_or_written_is_never_printed(environ: dict[str, str]) -> None:
    redactor = Redactor()
    context = auth_context(environ, redactor)
    assert redactor.redact("first value") == "first value"
    assert vault.find_secret("ALPHA", context) == Success("first value")
    assert redactor.redact("'first value' and 'correct horse'") == "'***' and '***'"
    assert vault.add("NEW", "brand\nmark", context, choosing()) == Success(None)
    assert redactor.redact("brand\nmark, brand mark") == "***, ***"


def test_one_secret_is_there_whatever_became_of_the_others(environ: dict[str, str]) -> None:
    """Only what was asked for is deciphered: a vault of thousands costs no more."""
    path = Path(vault.vault_file(environ))
    path.write_text(re.sub(r"(ALPHA|GAMMA): \S+", rf"\1: {'A' * 64}", path.read_text()))
    assert vault.find_secret("BETA", auth_context(environ)) == Success(SECRETS["BETA"])
    problem = vault.find_secret("ALPHA", auth_context(environ)).failure()
    assert problem.kind == "config" and "ALPHA is damaged" in problem.message


def test_one_secret_is_soon_there(
    environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A key takes a 25th of a second; what takes a hundred times that is not the same key."""
    words = (
        "import os, sys, time\nfrom loki.edge.auth import secrets; from loki.edge import files\n"
        "start = time.perf_counter()\n"
        "from loki.edge.auth import vault\n"
        "from loki.edge.auth.auth_context import AuthContext\n"
        "from loki.redaction.redactor import Redactor\n"
        "vault.find_secret('BETA', AuthContext(os.environ, Redactor())).unwrap()\n"
        "print(time.perf_counter() - start)"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", words],
            env={**os.environ, **environ},
            capture_output=True,
            check=True,
        ).stdout
        for _ in range(3)
    ]
    least = min(map(float, found))
    with capsys.disabled():
        print(f" {least * 1000:.0f} ms for one secret ", end="")
    assert least < 4
