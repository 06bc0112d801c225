"""A home for every test that runs commands; laws are held without a stopwatch."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import Home
from hypothesis import settings

settings.register_profile("loki", deadline=None)  # time is for `make bench` to judge
settings.load_profile("loki")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A user's folders."""
    return Home(tmp_path)
