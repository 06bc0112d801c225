"""A summary never takes the place of a file that the run reads or writes."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

import pytest
from bulk import bulk_server
from commands import Home

from loki.cli.batch.summary_file import check_summary

ROW = '{"id": 1, "prompt": "a"}\n'
PROMPT = "Say {{ prompt }}\n"
FILES = {"in": ROW, "t.md": PROMPT, "schema": '{"type": "object"}'}


@pytest.mark.parametrize(
    ("summary", "name"),
    [
        ("in", "IN"),
        ("out", "OUT"),
        ("t.md", "the template"),
        ("schema", "--schema"),
        ("../{folder}/./in", "IN"),
        ("../{folder}/out", "OUT"),
        ("link", "IN"),
        ("hard", "IN"),
        ("dangling", "OUT"),
    ],
)
def test_a_summary_that_would_overwrite_a_file_of_the_run_is_refused_first(
    home: Home, summary: str, name: str
) -> None:
    folder = home.folder
    for path, text in FILES.items():
        (folder / path).write_text(text)
    (folder / "link").symlink_to("in")
    (folder / "dangling").symlink_to("out")
    os.link(folder / "in", folder / "hard")
    words = ["-T", f"{folder}/t.md", "-o", f"{folder}/out", "--schema", f"{folder}/schema"]
    with bulk_server() as server:
        home.local(server.address)
        path = f"{folder}/{summary.format(folder=folder.name)}"
        done = home.run(f"{folder}/in", *words, "--summary", path, prog="loki-batch")
        assert server.counts["seen"] == 0
    assert done.code == 64 and f"--summary would overwrite {name}" in done.err, done.err
    assert not (folder / "out").exists()
    assert {path: (folder / path).read_text() for path in FILES} == FILES


@pytest.mark.parametrize(
    ("summary", "schema"),
    [("s", None), (None, None), (os.devnull, None), ("s", '{"type": "object"}'), ("s", "a\0b")],
)
def test_other_summaries_are_written(
    tmp_path: Path, summary: str | None, schema: str | None
) -> None:
    where = summary and str(tmp_path / summary)  # an absolute path stays as it is
    flags = Namespace(summary=where, text=[os.devnull], output="-", schema=schema)
    assert check_summary(flags).unwrap() is flags
