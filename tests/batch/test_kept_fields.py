"""Fields of the input beside ours: none takes the place of another."""

from __future__ import annotations

from loki.batch.kept_fields import RESERVED_NAMES, kept_fields, name_kept_field
from loki.batch.output_format import COLUMNS
from loki.batch.rows import InvalidRow
from loki.problems import Problem


def test_a_field_that_is_named_as_one_of_ours_has_another_name() -> None:
    assert all(name_kept_field(name) == f"input_{name}" for name in RESERVED_NAMES)
    plain = {name for name in COLUMNS if "_" not in name}
    assert plain <= RESERVED_NAMES and name_kept_field("lang") == "lang"


def test_the_fields_of_a_row_stand_in_its_line_under_such_names() -> None:
    row = InvalidRow(1, "a", Problem("input", ""), {"lang": "fr", "text": "Hi"})
    assert kept_fields(row) == {"lang": "fr", "input_text": "Hi"}
    assert kept_fields(row._replace(fields=None)) == {}
