"""A summary never takes the place of a file of the run; one that cannot be written is told."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize("summary", ["nowhere/s", "/dev/full"])
@pytest.mark.parametrize(("rows", "code"), [(ROW, 74), (ROW + "{\n", 74), ("{\n", 74)])
def test_a_summary_that_cannot_be_written_is_an_output_that_cannot(
    home: Home, summary: str, rows: str, code: int
) -> None:
    """The rows are all there; ``-q`` hides nothing."""
    (home.folder / "in").write_text(rows)
    path = os.path.join(home.folder, summary)
    with bulk_server() as server:
        home.local(server.address)
        words = ["-q", f"{home.folder}/in", "-o", f"{home.folder}/out", "--summary", path]
        done = home.run(*words, prog="loki-batch")
    lines = (home.folder / "out").read_text().splitlines()
    assert done.code == code and f"output: cannot write --summary {path}: n" in done.err, done.err
    assert len(lines) == len(rows.splitlines()) and all(map(json.loads, lines))


def test_why_a_run_ended_early_stays_its_exit_code(home: Home) -> None:
    (home.folder / "in").write_text(ROW * 2)
    words = [f"{home.folder}/in", "-m", "free:f", "--max-cost", "1", "--summary", "/nowhere/s"]
    free = "  - {type: openai-compatible, name: free, api_base: 'http://127.0.0.1:9', models: "
    home.configure("clients:\n" + free + "[{name: f, input_price: 1, output_price: 1}]}\n")
    done = home.run(*words, prog="loki-batch")
    assert done.code == 80 and "cannot write --summary /nowhere/s" in done.err, done.err
