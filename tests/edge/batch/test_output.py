"""The output of a run: what stands already, what is taken out, and where rows go in need."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from loki.edge.batch.output import Output, follow_link, open_output, read_existing


def row(id: str, **more: Any) -> bytes:
    """Return a line of an output."""
    return json.dumps({"id": id, "key": "k", **more}).encode() + b"\n"


GOOD = row("a", line=1, text="Hi")
FAILED = row("b", line=2, error={"kind": "offline"}, cost=0.25)
LATER = row("c", line=3, text="Yes")
TORN = LATER[:20]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where an output is."""
    (tmp_path / "rescue").mkdir()
    return tmp_path / "out.jsonl"


@pytest.fixture
def output(path: Path) -> Iterator[Output]:
    """Return an output that has one row."""
    with open_output(str(path), str(path.parent / "rescue")) as opened:
        it = opened.unwrap()
        it.write(GOOD)
        yield it


@pytest.mark.parametrize(
    ("before", "retry", "after", "failed"),
    [
        (GOOD + TORN, True, GOOD, 0),
        (GOOD + FAILED + LATER, True, GOOD + LATER, 1),
        (GOOD + FAILED + TORN, True, GOOD, 1),
        (GOOD + FAILED + TORN, False, GOOD + FAILED, 1),
    ],
    ids=["torn", "failed", "both", "failed rows stay"],
)
def test_a_torn_row_is_taken_out_and_failed_ones_if_they_are_asked_again(
    before: bytes, retry: bool, after: bytes, failed: int, path: Path
) -> None:
    path.write_bytes(before)
    path.chmod(0o640)
    with open_output(str(path), "", retry_failed=retry) as opened:
        found = opened.unwrap()
        assert (found.earlier.failed, found.earlier.cost) == (failed, Decimal("0.25") * failed)
        assert "a k" in found.done and ("b k" in found.done) is (failed == 1 and not retry)
    assert found.file.closed
    assert path.read_bytes() == after and path.stat().st_mode & 0o777 == 0o640
    beside = path.with_name("out.jsonl.failed")
    assert (beside.read_bytes() if beside.exists() else b"") == FAILED * (failed and retry)
    others = {"out.jsonl.failed"} if failed and retry else set[str]()
    assert {each.name for each in path.parent.iterdir()} == {path.name, "rescue"} | others


def test_reading_what_stands_leaves_it_as_it_is(path: Path) -> None:
    path.write_bytes(GOOD + FAILED + TORN)
    found = read_existing(str(path), "").unwrap()
    found.write(LATER)
    assert ("a k" in found.done, found.earlier.failed, found.earlier.first) == (True, 1, {1: "a k"})
    assert path.read_bytes() == GOOD + FAILED + TORN
    found.file.close()


@pytest.mark.parametrize("line", [b"{}\n", b"words\n"])
def test_a_file_of_others_is_named_with_its_line_and_left(line: bytes, path: Path) -> None:
    path.write_bytes(GOOD + line)
    with open_output(str(path), "") as opened:
        problem = opened.failure()
    assert problem.message.startswith(f"{path}:2: not a row of loki-batch")
    assert path.read_bytes() == GOOD + line


def test_two_runs_do_not_write_one_file_by_whichever_name(output: Output, path: Path) -> None:
    link = path.parent / "link.jsonl"
    link.symlink_to(path)
    assert (follow_link(str(link)), follow_link(str(path))) == (str(path), str(path))
    with open_output(str(link), "") as second:
        assert second.failure().kind == "busy"


def test_a_place_that_is_no_file_is_refused(path: Path) -> None:
    os.mkfifo(path)
    with open_output(str(path), "") as opened:
        assert "it is no regular file" in opened.failure().message


@pytest.mark.parametrize("change", ["removed", "moved", "cut"])
def test_rows_go_elsewhere_once_the_file_is_not_ours_any_more(
    change: str, output: Output, path: Path
) -> None:
    before = output.file
    if change == "removed":
        path.unlink()
    elif change == "moved":
        path.rename(path.parent / "moved")
    else:
        os.truncate(path, 3)
    output.write(LATER)
    output.write(FAILED)
    rescued = Path(output.rescue).read_bytes()
    assert output.is_diverted and output.full is not None
    assert before.closed and not output.file.closed
    Path(f"{path}.lock").unlink()  # as where the folder is gone
    with open_output(str(path), str(path.parent / "rescue")) as other:
        assert "another run is still writing rows of" in other.failure().message
    assert rescued == (b"" if change == "cut" else GOOD) + LATER + FAILED
