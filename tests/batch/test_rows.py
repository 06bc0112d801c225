"""Rows and their patches."""

from __future__ import annotations

from loki.batch.rows import ReadyRow
from loki.records import Ask, Patch

RUN = Patch(body={"a": 1})
OWN = Patch(body={"a": 2})


def test_a_row_s_own_patch_comes_last() -> None:
    assert ReadyRow(1, "a", "k", Ask(), OWN).patches((RUN,)) == (RUN, OWN)
    assert ReadyRow(1, "a", "k", Ask()).patches((RUN,)) == (RUN,)
