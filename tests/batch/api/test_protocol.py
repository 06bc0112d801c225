"""What all protocols share: moments and counts as providers write them."""

from __future__ import annotations

import pytest

from loki.batch.api.protocol import as_list, count_at, seconds_of

MOMENTS: list[tuple[object, float | None]] = [
    (7, 7.0),
    (7.5, 7.5),
    (True, None),
    ("1970-01-01T00:00:07Z", 7.0),
    ("1970-01-01T00:00:07.5+00:00", 7.5),
    ("1970-01-01T01:00:07.123456789+01:00", 7.123456),
    ("2026-08-10", None),
    ("soon", None),
    (None, None),
]


@pytest.mark.parametrize(("written", "seconds"), MOMENTS)
def test_moments_are_read_in_every_form(written: object, seconds: float | None) -> None:
    assert seconds_of(written) == seconds


COUNTS: list[tuple[object, int | None]] = [(3, 3), ("3", 3), ("", None), (-1, None), (None, None)]


@pytest.mark.parametrize(("written", "count"), COUNTS)
def test_counts_are_read_also_as_text(written: object, count: int | None) -> None:
    assert count_at({"n": written}, "n") == count
    assert as_list(written) == []
