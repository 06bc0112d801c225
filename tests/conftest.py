"""Makes ``import support`` work in every test."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parent))

import pytest
from commands import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A user's folders."""
    return Home(tmp_path)


settings.register_profile("loki", deadline=None)  # time is for `make bench` to judge
settings.load_profile("loki")
