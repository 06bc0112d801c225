"""The version: one place has it, and it costs nothing to ask."""

from __future__ import annotations

import ast
from pathlib import Path

from loki import version


def test_a_version_is_three_numbers() -> None:
    numbers = version.__version__.split(".")
    assert len(numbers) == 3 and all(map(str.isdecimal, numbers))


def test_its_module_imports_nothing() -> None:
    tree = ast.parse(Path(version.__file__).read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
