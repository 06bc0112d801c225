"""Modules that are loaded when something in them is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from loki.lazy import LazyTable, load
from loki.providers import PROVIDERS


def test_a_table_loads_a_module_when_its_row_is_read() -> None:
    probe = (
        "import sys; from loki.providers import PROVIDERS\n"
        "assert 'claude' in PROVIDERS and len(PROVIDERS) == 8\n"
        "before = 'loki.providers.anthropic' in sys.modules\n"
        "base = PROVIDERS['claude'].api_base\n"
        "print(before, base, 'loki.providers.anthropic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=30)
    assert done.stdout == "False https://api.anthropic.com/v1 True\n", done.stderr


def test_every_provider_has_a_row() -> None:
    assert all(provider.routes for provider in PROVIDERS.values())


def test_a_name_that_is_no_row_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="x"):
        LazyTable[object]({})["x"]


def test_a_place_that_is_wrong_says_so() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        load("math:nothing")
