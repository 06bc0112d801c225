"""Where the traceback of a bug is saved, and what is shown of it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

from loki.cli.bug_report import save_traceback
from loki.redaction.redactor import Redactor

SECRET = "s3cr3t-k3y"


def raised(message: str) -> Exception:
    """Return an exception that was raised, with its traceback."""
    try:
        raise ValueError(message)
    except ValueError as error:
        return error


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of temporary files, an empty one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_traceback_is_in_the_file_that_the_line_names(folder: Path) -> None:
    line = save_traceback("loki-pipe", raised("No."), Redactor())
    [path] = folder.iterdir()
    assert line == f"ValueError: No.; the traceback is in {path}"
    assert re.fullmatch(r"loki-pipe-bug-\w+\.txt", path.name)
    text = path.read_text()
    assert "in raised" in text and text.endswith("ValueError: No.\n")


def test_only_the_user_can_read_the_file(folder: Path) -> None:
    save_traceback("loki", raised("No."), Redactor())
    [path] = folder.iterdir()
    assert path.stat().st_mode & 0o077 == 0


def test_secrets_are_neither_in_the_line_nor_in_the_file(folder: Path) -> None:
    line = save_traceback("loki", raised(f"key {SECRET}"), Redactor(SECRET))
    [path] = folder.iterdir()
    assert line.startswith("ValueError: key ***; ")
    assert SECRET not in path.read_text()


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("a\r\n  b", "ValueError: a b"),
        ("a\x1b[31mb", "ValueError: a[31mb"),
        ("x" * 500, f"ValueError: {'x' * 188}"),
        ("\ud800", "ValueError: "),
    ],
)
def test_the_line_is_a_short_one_without_control_characters(
    folder: Path, message: str, shown: str
) -> None:
    line = save_traceback("loki", raised(message), Redactor())
    assert line.startswith(f"{shown}; the traceback is in ")


def test_a_traceback_that_cannot_be_saved_leaves_the_line(folder: Path) -> None:
    folder.rmdir()
    line = save_traceback("loki", raised("No."), Redactor())
    assert line == "ValueError: No.; the traceback could not be saved"
