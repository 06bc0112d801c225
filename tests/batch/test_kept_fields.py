"""Fields of the input beside ours: none takes the place of another."""

from __future__ import annotations

from loki.batch.kept_fields import RESERVED_NAMES, name_kept_field
from loki.batch.output_format import COLUMNS


def test_a_field_that_is_named_as_one_of_ours_has_another_name() -> None:
    assert all(name_kept_field(name) == f"input_{name}" for name in RESERVED_NAMES)
    plain = {name for name in COLUMNS if "_" not in name}
    assert plain <= RESERVED_NAMES and name_kept_field("lang") == "lang"
